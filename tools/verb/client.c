/*
 * client: adds, changes, lists, disables and enables the clients in the CA's record. A running
 * server obeys at once. A client that was changed here is marked so that the manifest, when it is
 * read again, leaves it alone.
 */
#include "common/base/clock.h"
#include "common/ca/store/barred.h"
#include "common/ca/store/certificates.h"
#include "common/ca/store/clients.h"
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
	 "the template that its subjects must match: {client}, {index}, {random}", NULL},
	{"alt-names", 0, false, "LIST", take_text, offsetof(struct client_settings, alt_names),
	 "templates that its alternative names must match, separated by commas; or none", NULL},
	{"keys", 0, false, "LIST", take_text, offsetof(struct client_settings, keys),
	 "its types of key, separated by commas; or all", NULL},
	{"validity", 0, false, "DURATION", take_duration,
	 offsetof(struct client_settings, validity_s), "the longest validity of its certificates",
	 NULL},
	{"certificates", 0, false, "N", take_count, offsetof(struct client_settings, certificates),
	 "how many certificates it may have that are neither expired nor revoked", NULL},
	{"requests-per-minute", 0, false, "N", take_count,
	 offsetof(struct client_settings, requests_per_minute),
	 "how many of its requests are answered in a minute", NULL},
	{0},
};

/* What one ACTION does; name is NULL for an action on all clients. */
typedef int client_action(const struct command *command, const struct client_settings *given,
			  struct ca_operator *ca, const char *name, struct fault *fault);

static const char *format_state(const struct client *client)
{
	if (client->revoked)
		return "revoked";
	return client->disabled ? "disabled" : "enabled";
}

static void add_json_revocation(struct json_line *line, const struct client *client)
{
	if (!client->revoked)
		return;
	add_json_time(line, "revoked_at", client->revoked_at_s);
	add_json_text(line, "reason", format_crl_reason(client->reason));
}

/* The lists of a policy, each as text for one line or field. */
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

static const char *format_origin(enum client_origin origin)
{
	switch (origin) {
	case ORIGIN_OPERATOR:
		return "operator";
	case ORIGIN_MANIFEST:
		return "manifest";
	case ORIGIN_REMOVED:
		return "removed";
	case ORIGIN_UNKNOWN:
		return "unknown";
	}
	return "unknown";
}

static int print_client_json(const struct client *client, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};
	CLEANUP(clear_policy_text) struct policy_text text = {0};
	const struct client_policy *policy = &client->policy;

	if (write_policy(policy, &text, fault) < 0)
		return -1;
	add_json_text(&line, "client", client->name);
	add_json_text(&line, "state", format_state(client));
	add_json_revocation(&line, client);
	add_json_flag(&line, "by_hand", client->by_hand);
	add_json_text(&line, "origin", format_origin(client->origin));
	add_json_text(&line, "subject", policy->subject);
	add_json_text(&line, "alt_names", (const char *)text.alt_names.data);
	add_json_text(&line, "keys", (const char *)text.keys.data);
	add_json_number(&line, "validity_s", policy->validity_s);
	add_json_number(&line, "certificates", (long long)policy->certificates);
	add_json_number(&line, "requests_per_minute", (long long)policy->requests_per_minute);
	return print_json(&line, fault);
}

static void print_state(const struct client *client)
{
	char at[TIME_TEXT_SIZE];

	format_time(client->revoked_at_s, at);
	if (client->revoked)
		print_line("%-20s revoked at %s (%s)", "state", at,
			   format_crl_reason(client->reason));
	else
		print_line("%-20s %s", "state", format_state(client));
	if (client->origin == ORIGIN_REMOVED)
		print_line("%-20s %s", "origin", "the manifest, which does not have it any more");
	else
		print_line("%-20s %s", "origin",
			   client->origin == ORIGIN_OPERATOR   ? "client add"
			   : client->origin == ORIGIN_MANIFEST ? "the manifest"
							       : "not known yet");
	print_line("%-20s %s", "policy",
		   client->by_hand ? "set here; the manifest does not count" : "the manifest's");
}

static int print_client(const struct command *command, const struct ca_operator *ca,
			const struct client *client, struct fault *fault)
{
	CLEANUP(clear_policy_text) struct policy_text text = {0};
	const struct client_policy *policy = &client->policy;
	const struct certificate_query live = {
		.client = client->name, .state = STATE_VALID, .now_s = ca->now_s};
	size_t count;

	if (command->json)
		return print_client_json(client, fault);
	if (write_policy(policy, &text, fault) < 0 ||
	    count_certificates(ca->store, &live, &count, fault) < 0)
		return -1;
	print_line("%-20s %s", "client", client->name);
	print_state(client);
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

/* Changes the fields of the policy that the command line gives. */
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

static bool sets_nothing(const struct client_settings *given)
{
	return given->subject == NULL && given->alt_names == NULL && given->keys == NULL &&
	       given->validity_s == 0 && given->certificates == 0 &&
	       given->requests_per_minute == 0;
}

static int read_known_client(const struct ca_operator *ca, const char *name,
			     struct client *ret_client, struct fault *fault)
{
	bool found;

	if (read_client(ca->store, name, ret_client, &found, fault) < 0)
		return -1;
	if (found)
		return 0;
	return set_fault(fault, FAULT_NOT_FOUND,
			 "the CA's record has no client \"%s\": certpool client list shows all "
			 "clients",
			 name);
}

/* The policy of a new client: the manifest's if the client is in it, else the default. */
static int initial_policy(const struct ca_operator *ca, const char *name,
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
	CLEANUP(clear_client) struct client client = {.by_hand = true};

	if (strcmp(name, CA_NAME) == 0)
		return set_fault(fault, FAULT_USAGE, "no client can be called \"%s\"", name);
	memcpy(client.name, name, strlen(name) + 1);
	if (initial_policy(ca, name, &client.policy, fault) < 0 ||
	    apply_settings(given, &client.policy, fault) < 0 ||
	    write_client(ca->store, &client, CLIENT_ADD, ca->now_s, fault) < 0)
		return -1;
	return print_client(command, ca, &client, fault);
}

/* An existing policy is changed, never started anew: fields not given stay. */
static int set_client(const struct command *command, const struct client_settings *given,
		      struct ca_operator *ca, const char *name, struct fault *fault)
{
	CLEANUP(clear_client) struct client client = {0};

	if (sets_nothing(given))
		return set_fault(
			fault, FAULT_USAGE,
			"expected an option of the policy: --subject, --alt-names, --keys, "
			"--validity, --certificates or --requests-per-minute");
	if (read_known_client(ca, name, &client, fault) < 0 ||
	    apply_settings(given, &client.policy, fault) < 0 ||
	    write_client(ca->store, &client, CLIENT_CHANGE, ca->now_s, fault) < 0)
		return -1;
	client.by_hand = true;
	return print_client(command, ca, &client, fault);
}

static int show_client(const struct command *command, const struct client_settings *given,
		       struct ca_operator *ca, const char *name, struct fault *fault)
{
	CLEANUP(clear_client) struct client client = {0};

	(void)given;
	if (read_known_client(ca, name, &client, fault) < 0)
		return -1;
	return print_client(command, ca, &client, fault);
}

static int print_client_row(void *context, const struct client *client, struct fault *fault)
{
	const struct command *command = context;

	if (command->json)
		return print_client_json(client, fault);
	print_line("%-20s  %-8s  %-8s  %s", client->name, format_state(client),
		   client->by_hand ? "here" : "manifest", client->policy.subject);
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
	return list_clients(ca->store, print_client_row, &context, fault);
}

/* Repeating it succeeds, with a note. */
static int set_disabled(const struct command *command, struct ca_operator *ca, const char *name,
			bool disabled, struct fault *fault)
{
	CLEANUP(clear_client) struct client client = {0};
	bool changed;

	if (set_client_disabled(ca->store, name, disabled, ca->now_s, &changed, fault) < 0 ||
	    write_barred(ca->store, ca->layout, fault) < 0 ||
	    read_known_client(ca, name, &client, fault) < 0)
		return -1;
	if (!changed)
		print_note(command, "%s is %s already", name, disabled ? "disabled" : "enabled");
	if (command->json)
		return print_client_json(&client, fault);
	print_line("%s: %s", name, format_state(&client));
	return 0;
}

static int disable_client(const struct command *command, const struct client_settings *given,
			  struct ca_operator *ca, const char *name, struct fault *fault)
{
	(void)given;
	return set_disabled(command, ca, name, true, fault);
}

static int enable_client(const struct command *command, const struct client_settings *given,
			 struct ca_operator *ca, const char *name, struct fault *fault)
{
	(void)given;
	return set_disabled(command, ca, name, false, fault);
}

static const struct action {
	const char *name;
	size_t clients; /* how many operands follow it: 0 or 1 */
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
	if (!action->sets && !sets_nothing(given))
		return set_fault(fault, FAULT_USAGE,
				 "%s: takes no option of a policy: add and set do", action->name);
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
	.group = VERB_CLIENTS,
	.operands = "ACTION [CLIENT]",
	.summary = "manage the clients that may enroll, and their policies",
	.details = "On the CA. ACTION is add, set, list, show, disable or enable. A change takes\n"
		   "effect at once, also in a running server, and from then on the manifest no\n"
		   "longer counts for that client. A disabled client cannot enroll; its\n"
		   "certificates stay valid. A new client needs an invitation: certpool invite.\n",
	.example = "certpool client list\n"
		   "certpool client set client1 --validity 30d\n",
	.options = client_options,
	.settings_size = sizeof(struct client_settings),
	.irrevocable = true,
	.fewest = 1,
	.most = 2,
	.expected = "an action, and a client's name unless it is list",
	.run = run_client,
};
