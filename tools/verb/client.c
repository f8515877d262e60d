#include "common/base/clock.h"
#include "common/ca/store/clients.h"
#include "common/ca/store/listing.h"
#include "common/x509/revocation/crl_reason.h"
#include "tools/operator.h"
#include "tools/options.h"
#include "tools/output.h"

#include <string.h>

struct client_settings {
	const char *subject;
	const char *alt_names;
	const char *keys;
	int64_t validity_s;
	size_t certificates;
	size_t requests_per_minute;
};

static const struct option client_options[] = {
	{"subject", 0, false, "TEMPLATE", take_text, offsetof(struct client_settings, subject),
	 "what its subjects must match: {client}, {index}, {random}", NULL},
	{"alt-names", 0, false, "LIST", take_text, offsetof(struct client_settings, alt_names),
	 "templates of alternative names, with commas between them; none", NULL},
	{"keys", 0, false, "LIST", take_text, offsetof(struct client_settings, keys),
	 "types of key, with commas between them; all", NULL},
	{"validity", 0, false, "DURATION", take_duration,
	 offsetof(struct client_settings, validity_s),
	 "how long its certificates are valid at most", NULL},
	{"certificates", 0, false, "N", take_count, offsetof(struct client_settings, certificates),
	 "how many it may have that are neither expired nor revoked", NULL},
	{"requests-per-minute", 0, false, "N", take_count,
	 offsetof(struct client_settings, requests_per_minute),
	 "how many requests it may have answered in a minute", NULL},
	{0},
};

/* An action on a client, or on all of them. */
typedef int client_action(const struct command *command, const struct client_settings *given,
			  struct ca_operator *ca, const char *name, struct fault *fault);

static const char *format_state(const struct client *record)
{
	if (record->revoked)
		return "revoked";
	return record->disabled ? "disabled" : "enabled";
}

static void add_json_revocation(struct json_line *line, const struct client *record)
{
	if (!record->revoked)
		return;
	add_json_time(line, "revoked_at", record->revoked_at_s);
	add_json_text(line, "reason", format_crl_reason(record->reason));
}

/* How a policy is written where one line, or one field, has to do. */
struct policy_text {
	struct buffer alt_names;
	struct buffer keys;
};

static void clear_policy_text(struct policy_text *text)
{
	clear_buffer(&text->alt_names);
	clear_buffer(&text->keys);
}

static int write_policy(const struct client_policy *policy, struct policy_text *text,
			struct fault *fault)
{
	append_alt_name_list(policy, &text->alt_names);
	append_key_list(policy, &text->keys);
	if (check_buffer(&text->alt_names, fault) < 0)
		return -1;
	return check_buffer(&text->keys, fault);
}

static int print_client_json(const struct client *record, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};
	CLEANUP(clear_policy_text) struct policy_text text = {0};
	const struct client_policy *policy = &record->policy;

	if (write_policy(policy, &text, fault) < 0)
		return -1;
	add_json_text(&line, "client", record->name);
	add_json_text(&line, "state", format_state(record));
	add_json_revocation(&line, record);
	add_json_flag(&line, "by_hand", record->by_hand);
	add_json_text(&line, "subject", policy->subject);
	add_json_text(&line, "alt_names", (const char *)text.alt_names.data);
	add_json_text(&line, "keys", (const char *)text.keys.data);
	add_json_number(&line, "validity_s", policy->validity_s);
	add_json_number(&line, "certificates", (long long)policy->certificates);
	add_json_number(&line, "requests_per_minute", (long long)policy->requests_per_minute);
	return print_json(&line, fault);
}

static void print_state(const struct client *record)
{
	char at[TIME_TEXT_SIZE];

	format_time(record->revoked_at_s, at);
	if (record->revoked)
		print_line("%-20s revoked at %s (%s)", "state", at,
			   format_crl_reason(record->reason));
	else
		print_line("%-20s %s", "state", format_state(record));
	print_line("%-20s %s", "policy",
		   record->by_hand ? "set here; the manifest does not count" : "the manifest's");
}

static int print_client(const struct command *command, const struct ca_operator *ca,
			const struct client *record, struct fault *fault)
{
	CLEANUP(clear_policy_text) struct policy_text text = {0};
	const struct client_policy *policy = &record->policy;
	const struct certificate_query live = {
		.client = record->name, .state = STATE_VALID, .now_s = ca->now_s};
	size_t count;

	if (command->json)
		return print_client_json(record, fault);
	if (write_policy(policy, &text, fault) < 0 ||
	    count_certificates(ca->store, &live, &count, fault) < 0)
		return -1;
	print_line("%-20s %s", "client", record->name);
	print_state(record);
	print_line("%-20s %s", "subject", policy->subject);
	print_line("%-20s %s", "alt-names", (const char *)text.alt_names.data);
	print_line("%-20s %s", "keys", (const char *)text.keys.data);
	if (policy->validity_s > 0)
		print_line("%-20s %llds", "validity", (long long)policy->validity_s);
	else
		print_line("%-20s %s", "validity", "as the CA's certificates");
	print_line("%-20s %zu, of which it has %zu", "certificates", policy->certificates, count);
	print_line("%-20s %zu", "requests-per-minute", policy->requests_per_minute);
	return 0;
}

/* What the command line says of the policy; the rest is left as it is. */
static int apply_settings(const struct client_settings *given, struct client_policy *policy,
			  struct fault *fault)
{
	if (given->subject != NULL && set_policy_subject(policy, given->subject, fault) < 0)
		return -1;
	if (given->alt_names != NULL && parse_alt_name_list(given->alt_names, policy, fault) < 0)
		return prefix_fault(fault, "--alt-names");
	if (given->keys != NULL && parse_key_list(given->keys, policy, fault) < 0)
		return prefix_fault(fault, "--keys");
	if (given->validity_s > 0)
		policy->validity_s = given->validity_s;
	if (given->certificates > 0)
		policy->certificates = given->certificates;
	if (given->requests_per_minute > 0)
		policy->requests_per_minute = given->requests_per_minute;
	return check_client_policy(policy, fault);
}

static bool nothing_set(const struct client_settings *given)
{
	return given->subject == NULL && given->alt_names == NULL && given->keys == NULL &&
	       given->validity_s == 0 && given->certificates == 0 &&
	       given->requests_per_minute == 0;
}

static int find_known(const struct ca_operator *ca, const char *name, struct client *ret_record,
		      struct fault *fault)
{
	bool found;

	if (read_client(ca->store, name, ret_record, &found, fault) < 0)
		return -1;
	if (found)
		return 0;
	return set_fault(fault, FAULT_NOT_FOUND,
			 "the CA's record has no client \"%s\": certpool client list shows those "
			 "there are",
			 name);
}

/* The manifest's, for a client of it that the record does not have yet. */
static int start_policy(const struct ca_operator *ca, const char *name,
			struct client_policy *ret_policy, struct fault *fault)
{
	struct fault absent = {0};
	const struct client_node *node = find_client(ca->manifest, name, &absent);

	return node != NULL ? copy_client_policy(&node->policy, ret_policy, fault)
			    : default_client_policy(ret_policy, fault);
}

static int add_client(const struct command *command, const struct client_settings *given,
		      struct ca_operator *ca, const char *name, struct fault *fault)
{
	CLEANUP(clear_client) struct client record = {.by_hand = true};

	if (strcmp(name, CA_NAME) == 0)
		return set_fault(fault, FAULT_USAGE, "no client can be called \"%s\"", name);
	memcpy(record.name, name, strlen(name) + 1);
	if (start_policy(ca, name, &record.policy, fault) < 0 ||
	    apply_settings(given, &record.policy, fault) < 0 ||
	    write_client(ca->store, &record, CLIENT_ADD, ca->now_s, fault) < 0)
		return -1;
	return print_client(command, ca, &record, fault);
}

static int set_client(const struct command *command, const struct client_settings *given,
		      struct ca_operator *ca, const char *name, struct fault *fault)
{
	CLEANUP(clear_client) struct client record = {0};

	if (nothing_set(given))
		return set_fault(fault, FAULT_USAGE,
				 "expected what to set: --subject, --alt-names, --keys, "
				 "--validity, --certificates or --requests-per-minute");
	if (find_known(ca, name, &record, fault) < 0 ||
	    apply_settings(given, &record.policy, fault) < 0 ||
	    write_client(ca->store, &record, CLIENT_CHANGE, ca->now_s, fault) < 0)
		return -1;
	record.by_hand = true;
	return print_client(command, ca, &record, fault);
}

static int show_client(const struct command *command, const struct client_settings *given,
		       struct ca_operator *ca, const char *name, struct fault *fault)
{
	CLEANUP(clear_client) struct client record = {0};

	(void)given;
	if (find_known(ca, name, &record, fault) < 0)
		return -1;
	return print_client(command, ca, &record, fault);
}

static int print_row(void *context, const struct client *record, struct fault *fault)
{
	const struct command *command = context;

	if (command->json)
		return print_client_json(record, fault);
	print_line("%-20s  %-8s  %-8s  %s", record->name, format_state(record),
		   record->by_hand ? "here" : "manifest", record->policy.subject);
	return 0;
}

static int print_clients(const struct command *command, const struct client_settings *given,
			 struct ca_operator *ca, const char *name, struct fault *fault)
{
	struct command context = *command;

	(void)given;
	(void)name;
	if (!command->json)
		print_line("%-20s  %-8s  %-8s  %s", "CLIENT", "STATE", "POLICY", "SUBJECT");
	return list_clients(ca->store, print_row, &context, fault);
}

static int switch_client(const struct command *command, struct ca_operator *ca, const char *name,
			 bool disabled, struct fault *fault)
{
	CLEANUP(clear_client) struct client record = {0};
	bool changed;

	if (set_client_disabled(ca->store, name, disabled, ca->now_s, &changed, fault) < 0 ||
	    find_known(ca, name, &record, fault) < 0)
		return -1;
	if (!changed)
		print_note(command, "%s is %s already", name, disabled ? "disabled" : "enabled");
	if (command->json)
		return print_client_json(&record, fault);
	print_line("%s: %s", name, format_state(&record));
	return 0;
}

static int disable_client(const struct command *command, const struct client_settings *given,
			  struct ca_operator *ca, const char *name, struct fault *fault)
{
	(void)given;
	return switch_client(command, ca, name, true, fault);
}

static int enable_client(const struct command *command, const struct client_settings *given,
			 struct ca_operator *ca, const char *name, struct fault *fault)
{
	(void)given;
	return switch_client(command, ca, name, false, fault);
}

static const struct action {
	const char *name;
	size_t clients; /* how many it is told */
	bool sets;      /* takes the options of a policy */
	client_action *run;
} actions[] = {
	{"add", 1, true, add_client},          {"set", 1, true, set_client},
	{"list", 0, false, print_clients},     {"show", 1, false, show_client},
	{"disable", 1, false, disable_client}, {"enable", 1, false, enable_client},
};

static const struct action *find_action(const char *name, struct fault *fault)
{
	for (size_t i = 0; i < COUNT_OF(actions); i++)
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
	(void)set_fault(fault, FAULT_USAGE,
			"expected add, set, list, show, disable or enable, found \"%s\"", name);
	return NULL;
}

static int run_client(const struct command *command, const void *settings, struct fault *fault)
{
	const struct client_settings *given = settings;
	CLEANUP(clear_operator) struct ca_operator ca = {0};
	const struct action *action = find_action(command->operands[0], fault);
	const char *name = command->operand_count > 1 ? command->operands[1] : NULL;

	if (action == NULL)
		return -1;
	if (command->operand_count != 1 + action->clients)
		return set_fault(fault, FAULT_USAGE, "%s: expected %s, found %zu arguments",
				 action->name, action->clients == 1 ? "a client" : "no client",
				 command->operand_count - 1);
	if (!action->sets && !nothing_set(given))
		return set_fault(fault, FAULT_USAGE, "%s: takes no policy: that is for add and set",
				 action->name);
	if (name != NULL && !valid_name(name))
		return set_fault(fault, FAULT_USAGE,
				 "\"%s\": expected a client's name: 1 to 64 of A-Z a-z 0-9 _ -",
				 name);
	if (open_operator(command, &ca, fault) < 0)
		return -1;
	return action->run(command, given, &ca, name, fault);
}

const struct verb client_verb = {
	.name = "client",
	.operands = "ACTION [CLIENT]",
	.summary = "who may enroll, and for what",
	.details = "On the CA. ACTION is add, set, list, show, disable or enable. What is changed\n"
		   "here is effective at once, also in a server that runs, and stands from then\n"
		   "on, whatever the manifest says. A client that is disabled cannot enroll; its\n"
		   "certificates stand. A new client needs an invitation: certpool invite.\n",
	.options = client_options,
	.settings_size = sizeof(struct client_settings),
	.fewest = 1,
	.most = 2,
	.expected = "an action, and a client's name unless it is list",
	.run = run_client,
};
