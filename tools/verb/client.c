/*
 * client: adds, changes, lists, bars and removes the clients in the CA's record, and lists and
 * withdraws their invitations. A running server obeys at once. A field of a policy that was set
 * here is the operator's; for the others the manifest goes on to count.
 */
#include "common/ca/signer/policy.h"
#include "common/ca/store/barred.h"
#include "common/ca/store/certificates.h"
#include "tools/certificate_selector.h"
#include "tools/client/acme_credentials.h"
#include "tools/client/client_file.h"
#include "tools/client/client_output.h"
#include "tools/client/client_removal.h"
#include "tools/client/fleet_table.h"
#include "tools/client/invitations.h"
#include "tools/client/policy_settings.h"
#include "tools/input.h"
#include "tools/operator.h"
#include "tools/options.h"

#include <string.h>

struct client_settings {
	struct policy_settings policy;
	bool force;
	const char *reset;
	const char *from;
	const char *invite_to;
	int64_t expires_s;
	bool once;
	bool revoke;
	struct acme_action acme;
	struct ca_key_settings key;
};

static const struct option client_options[] = {
	{"subject", 0, false, "TEMPLATE", take_text,
	 offsetof(struct client_settings, policy.subject),
	 "the template that its subjects must match: {client}, {index}, {random}", NULL},
	{"alt-names", 0, false, "LIST", take_text,
	 offsetof(struct client_settings, policy.alt_names),
	 "templates that its alternative names must match, separated by commas; or none", NULL},
	{"keys", 0, false, "LIST", take_text, offsetof(struct client_settings, policy.keys),
	 "its types of key, separated by commas; or all", NULL},
	{"usages", 0, false, "LIST", take_text, offsetof(struct client_settings, policy.usages),
	 "what its certificates may be for, separated by commas: sign, client, server, email, "
	 "key-encipherment",
	 NULL},
	{"validity", 0, false, "DURATION", take_duration,
	 offsetof(struct client_settings, policy.validity_s),
	 "the longest validity of its certificates", NULL},
	{"certificates", 0, false, "N", take_count,
	 offsetof(struct client_settings, policy.certificates),
	 "how many certificates it may have that are neither expired nor revoked", NULL},
	{"requests-per-minute", 0, false, "N", take_count,
	 offsetof(struct client_settings, policy.requests_per_minute),
	 "how many of its requests are answered in a minute", NULL},
	{"size", 0, false, "N", take_count, offsetof(struct client_settings, policy.size),
	 "the members of its pool, ten certificates for each unless --certificates says another",
	 NULL},
	{"reset", 0, false, "LIST", take_text, offsetof(struct client_settings, reset),
	 "set: options of the policy, without dashes, that are the manifest's again", NULL},
	{"force", 0, false, NULL, take_switch, offsetof(struct client_settings, force),
	 "set: also a subject that its certificates do not have", NULL},
	{"from", 0, false, "FILE", take_text, offsetof(struct client_settings, from),
	 "add: all clients of a file, CSV with a first line of name and these options", NULL},
	{"invite-to", 0, false, "DIR", take_text, offsetof(struct client_settings, invite_to),
	 "add: write an invitation of each into this directory", NULL},
	{"expires", 0, false, "DURATION", take_duration,
	 offsetof(struct client_settings, expires_s),
	 "add: the time within which their holders have to join", NULL},
	{"once", 0, false, NULL, take_switch, offsetof(struct client_settings, once),
	 "add: each invitation lets one host join", NULL},
	{"revoke", 0, false, NULL, take_switch, offsetof(struct client_settings, revoke),
	 "remove: revoke its certificates; without it, they live on", NULL},
	{"list", 0, false, NULL, take_switch, offsetof(struct client_settings, acme.list),
	 "acme: its accounts", NULL},
	{"end", 0, false, "ID", take_text, offsetof(struct client_settings, acme.end),
	 "acme: deactivate that account of its, for good", NULL},
	CA_KEY_OPTIONS(struct client_settings, key),
	{0},
};

/* What one ACTION does; name is NULL when it has no client as operand. */
typedef int client_action(const struct command *command, const struct client_settings *given,
			  struct ca_operator *ca, const char *name, struct fault *fault);

static int read_known_client(const struct ca_operator *ca, const char *name,
			     struct client *ret_client, struct fault *fault)
{
	bool found;

	if (read_client(ca->store, name, ret_client, &found, fault) < 0)
		return -1;
	if (found)
		return 0;
	return refuse_absent_client(ca->store, name, fault);
}

/* --- add --- */

/* Says in which line of the file the client is that could not be added. */
static int name_failed_line(const struct client_file *file, const char *path, size_t failed,
			    struct fault *fault)
{
	if (failed >= file->count)
		return -1;
	return prefix_fault(fault, "%s: line %zu: name", path, file->lines[failed]);
}

static int add_from_file(const struct command *command, const struct client_settings *given,
			 struct ca_operator *ca, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	CLEANUP(clear_client_file) struct client_file file = {0};
	CLEANUP(clear_json) struct json_line line = {0};
	struct new_clients new;
	size_t failed;

	if (!sets_no_policy(&given->policy))
		return set_fault(
			fault, FAULT_USAGE,
			"--from: the file has the policies: expected no option of a policy "
			"beside it");
	if (read_input(given->from, CLIENT_FILE_MAX, &text, fault) < 0 ||
	    parse_client_file(&text, given->from, ca->manifest, &file, fault) < 0)
		return -1;
	new = (struct new_clients){file.clients, file.count, given->invite_to,
				   invitation_end(ca->now_s, given->expires_s), given->once};
	if (add_invited_clients(command, ca, &new, &failed, fault) < 0)
		return name_failed_line(&file, given->from, failed, fault);
	if (!command->json) {
		print_line("added %s%s%s", counted(file.count, "client", "clients").text,
			   given->invite_to != NULL ? ", with invitations in " : "",
			   given->invite_to != NULL ? given->invite_to : "");
		return 0;
	}
	add_json_number(&line, "added", (long long)file.count);
	return print_json(&line, fault);
}

static int add_client(const struct command *command, const struct client_settings *given,
		      struct ca_operator *ca, const char *name, struct fault *fault)
{
	CLEANUP(clear_client) struct client client = {0};
	const struct new_clients new = {&client, 1, given->invite_to,
					invitation_end(ca->now_s, given->expires_s), given->once};
	size_t failed;

	if ((given->expires_s != 0 || given->once) && given->invite_to == NULL)
		return set_fault(fault, FAULT_USAGE,
				 "--%s: expected --invite-to beside it, found none",
				 given->once ? "once" : "expires");
	if (name == NULL)
		return add_from_file(command, given, ca, fault);
	if (make_client(name, &given->policy, ca->manifest, given->force, &client, fault) < 0 ||
	    add_invited_clients(command, ca, &new, &failed, fault) < 0)
		return -1;
	return print_client(command, ca, &client, fault);
}

/* --- set and reset --- */

/* How many of the client's valid certificates have a subject that its policy allows. */
struct subject_count {
	const struct client *client;
	size_t matching;
	size_t all;
};

static int count_subject(void *context, const struct issued_certificate *certificate,
			 int64_t position, struct fault *fault)
{
	struct subject_count *count = context;

	(void)position;
	(void)fault;
	count->all++;
	count->matching += matches_policy_subject(count->client, certificate->subject);
	return 0;
}

static int check_subjects(const struct ca_operator *ca, const struct client *client,
			  struct fault *fault)
{
	const struct listing listing = {
		.query = {.client = client->name, .state = STATE_LIVE, .now_s = ca->now_s},
		.without_der = true};
	struct subject_count count = {.client = client};

	if (list_certificates(ca->store, &listing, count_subject, &count, NULL, fault) < 0)
		return -1;
	if (count.matching == count.all)
		return 0;
	return set_fault(fault, FAULT_REFUSED,
			 "--subject: %zu of the %zu subjects that %s has would match \"%s\": not "
			 "set (--force sets it)",
			 count.matching, count.all, client->name, client->policy.subject);
}

/* An existing policy is changed, never started anew: fields not given stay. */
static int set_client(const struct command *command, const struct client_settings *given,
		      struct ca_operator *ca, const char *name, struct fault *fault)
{
	CLEANUP(clear_client) struct client client = {0};

	if (sets_no_policy(&given->policy) && given->reset == NULL)
		return set_fault(
			fault, FAULT_USAGE,
			"expected an option of the policy: --subject, --alt-names, --keys, "
			"--usages, --validity, --certificates, --requests-per-minute, --size or "
			"--reset");
	if (read_known_client(ca, name, &client, fault) < 0 ||
	    (given->reset != NULL &&
	     reset_listed_fields(given->reset, ca->manifest, &client, fault) < 0) ||
	    apply_policy_settings(&given->policy, ca->manifest, given->force, &client, fault) < 0)
		return -1;
	if (given->policy.subject != NULL && !given->force &&
	    check_subjects(ca, &client, fault) < 0)
		return -1;
	if (write_client(ca->store, &client, CLIENT_CHANGE, ca->now_s, fault) < 0)
		return -1;
	return print_client(command, ca, &client, fault);
}

static int reset_client(const struct command *command, const struct client_settings *given,
			struct ca_operator *ca, const char *name, struct fault *fault)
{
	CLEANUP(clear_client) struct client client = {0};

	(void)given;
	if (read_known_client(ca, name, &client, fault) < 0 ||
	    reset_policy_fields(FIELD_BIT(POLICY_FIELD_COUNT) - 1, true, ca->manifest, &client,
				fault) < 0 ||
	    write_client(ca->store, &client, CLIENT_CHANGE, ca->now_s, fault) < 0)
		return -1;
	return print_client(command, ca, &client, fault);
}

/* --- show and list --- */

static int show_client(const struct command *command, const struct client_settings *given,
		       struct ca_operator *ca, const char *name, struct fault *fault)
{
	CLEANUP(clear_client) struct client client = {0};

	(void)given;
	if (read_known_client(ca, name, &client, fault) < 0)
		return -1;
	return print_client(command, ca, &client, fault);
}

static int show_password(const struct command *command, const struct client_settings *given,
			 struct ca_operator *ca, const char *name, struct fault *fault)
{
	CLEANUP(clear_client) struct client client = {0};

	(void)given;
	if (read_known_client(ca, name, &client, fault) < 0)
		return -1;
	return print_est_password(command, ca, &client, fault);
}

static int show_acme(const struct command *command, const struct client_settings *given,
		     struct ca_operator *ca, const char *name, struct fault *fault)
{
	CLEANUP(clear_client) struct client client = {0};

	if (read_known_client(ca, name, &client, fault) < 0)
		return -1;
	return run_acme_action(command, ca, &client, &given->acme, fault);
}

static int print_clients(const struct command *command, const struct client_settings *given,
			 struct ca_operator *ca, const char *name, struct fault *fault)
{
	CLEANUP(clear_fleet) struct fleet fleet = {0};

	(void)given;
	(void)name;
	if (load_fleet(ca->store, ca->layout, ca->manifest, ca->now_s, &fleet, NULL, fault) < 0)
		return -1;
	return print_fleet(command, &fleet, fault);
}

static int print_open_invitations(const struct command *command,
				  const struct client_settings *given, struct ca_operator *ca,
				  const char *name, struct fault *fault)
{
	(void)given;
	(void)name;
	return print_invitations(command, ca, fault);
}

/* --- disable, enable, withdraw, remove --- */

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
		return print_client(command, ca, &client, fault);
	print_line("%s: %s", name, format_client_state(&client));
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

static int print_act(const struct command *command, const char *name, const char *act,
		     struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	if (!command->json) {
		print_line("%s: %s", name, act);
		return 0;
	}
	add_json_text(&line, "client", name);
	add_json_text(&line, "act", act);
	return print_json(&line, fault);
}

static int withdraw_invited(const struct command *command, const struct client_settings *given,
			    struct ca_operator *ca, const char *name, struct fault *fault)
{
	(void)given;
	if (withdraw_client(command, ca, name, fault) < 0)
		return -1;
	return print_act(command, name, "invitation withdrawn", fault);
}

static int drop_client(const struct command *command, const struct client_settings *given,
		       struct ca_operator *ca, const char *name, struct fault *fault)
{
	return drop_whole_client(command, ca, name, given->revoke ? &given->key : NULL, fault);
}

/* --- the actions --- */

enum option_group {
	OPTIONS_POLICY = 1,
	OPTIONS_SET = 2,
	OPTIONS_ADD = 4,
	OPTIONS_REMOVE = 8,
	OPTIONS_ACME = 16,
};

static const struct action {
	const char *name;
	size_t fewest; /* operands that follow it: clients */
	size_t most;
	unsigned int takes;
	client_action *run;
} actions[] = {
	{"add", 0, 1, OPTIONS_POLICY | OPTIONS_ADD, add_client},
	{"set", 1, 1, OPTIONS_POLICY | OPTIONS_SET, set_client},
	{"reset", 1, 1, 0, reset_client},
	{"list", 0, 0, 0, print_clients},
	{"show", 1, 1, 0, show_client},
	{"password", 1, 1, 0, show_password},
	{"acme", 1, 1, OPTIONS_ACME, show_acme},
	{"disable", 1, 1, 0, disable_client},
	{"enable", 1, 1, 0, enable_client},
	{"remove", 1, 1, OPTIONS_REMOVE, drop_client},
	{"invitations", 0, 0, 0, print_open_invitations},
	{"withdraw", 1, 1, 0, withdraw_invited},
};

static const struct action *find_action(const char *name, struct fault *fault)
{
	struct nearest_name search = {.word = name};
	char meant[MEANT_SIZE];

	for (size_t i = 0; i < COUNT_OF(actions); i++) {
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
		compare_name(&search, actions[i].name);
	}
	format_meant(&search, meant);
	(void)set_fault(fault, FAULT_USAGE,
			"expected add, set, reset, list, show, password, acme, disable, enable, "
			"remove, invitations or withdraw, found \"%s\"%s",
			name, meant);
	return NULL;
}

static int check_options(const struct action *action, const struct client_settings *given,
			 struct fault *fault)
{
	if ((action->takes & OPTIONS_POLICY) == 0 && !sets_no_policy(&given->policy))
		return set_fault(fault, FAULT_USAGE,
				 "%s: takes no option of a policy: add and set do", action->name);
	if ((action->takes & OPTIONS_SET) == 0 && given->reset != NULL)
		return set_fault(fault, FAULT_USAGE, "%s: takes no --reset: set does",
				 action->name);
	if ((action->takes & OPTIONS_POLICY) == 0 && given->force)
		return set_fault(fault, FAULT_USAGE, "%s: takes no --force: add and set do",
				 action->name);
	if ((action->takes & OPTIONS_ADD) == 0 &&
	    (given->from != NULL || given->invite_to != NULL || given->expires_s != 0 ||
	     given->once))
		return set_fault(fault, FAULT_USAGE,
				 "%s: takes no --from, --invite-to, --expires or --once: add does",
				 action->name);
	if ((action->takes & OPTIONS_REMOVE) == 0 && given->revoke)
		return set_fault(fault, FAULT_USAGE, "%s: takes no --revoke: remove does",
				 action->name);
	if ((action->takes & OPTIONS_ACME) == 0 && (given->acme.list || given->acme.end != NULL))
		return set_fault(fault, FAULT_USAGE, "%s: takes no --list or --end: acme does",
				 action->name);
	return 0;
}

static int check_operands(const struct action *action, const struct client_settings *given,
			  const char *name, size_t count, struct fault *fault)
{
	bool is_file = given->from != NULL;

	if (count < action->fewest || count > action->most || (is_file && name != NULL) ||
	    (strcmp(action->name, "add") == 0 && !is_file && name == NULL))
		return set_fault(fault, FAULT_USAGE, "%s: expected %s, found %s", action->name,
				 action->most == 0 ? "no client"
				 : is_file         ? "no client beside --from"
						   : "a client",
				 counted(count, "argument", "arguments").text);
	if (name != NULL && !valid_name(name))
		return set_fault(fault, FAULT_USAGE,
				 "\"%s\": expected a client's name: 1 to 64 of A-Z a-z 0-9 _ -",
				 name);
	return 0;
}

static int run_client(const struct command *command, const void *settings, struct fault *fault)
{
	const struct client_settings *given = settings;
	CLEANUP(clear_operator) struct ca_operator ca = {0};
	const struct action *action = find_action(command->operands[0], fault);
	const char *name = command->operand_count > 1 ? command->operands[1] : NULL;

	if (action == NULL || check_options(action, given, fault) < 0 ||
	    check_operands(action, given, name, command->operand_count - 1, fault) < 0 ||
	    open_operator(command, &ca, fault) < 0)
		return -1;
	return action->run(command, given, &ca, name, fault);
}

const struct verb client_verb = {
	.name = "client",
	.group = VERB_CLIENTS,
	.operands = "list | invitations | "
		    "add|set|reset|show|password|acme|disable|enable|remove|withdraw CLIENT",
	.summary = "manage the clients that may enroll, and their policies",
	.details =
		"On the CA. A change takes effect at once, also in a running server.\n"
		"  list         all clients: what they have, and what needs looking at\n"
		"  show CLIENT  one of them, with its policy\n"
		"  password CLIENT  the password with which it enrolls by EST: a secret\n"
		"  acme CLIENT  what its ACME client needs: a secret; --list its accounts;\n"
		"               both make the key that it shares with the CA, if there is none\n"
		"  add CLIENT, add --from FILE  new clients, all of the file's or none\n"
		"  set CLIENT   changes options of its policy: for these the manifest no longer\n"
		"               counts, until --reset LIST, or reset CLIENT for all of them\n"
		"  disable, enable CLIENT  a disabled client cannot enroll; its certificates\n"
		"               stay valid\n"
		"  remove CLIENT  takes it out of the record, and its key from the CA\n"
		"  invitations  those by which nobody has joined; withdraw CLIENT takes one back\n"
		"A new client needs an invitation: --invite-to, or certpool invite.\n",
	.example = "certpool client list\n"
		   "certpool client add --from fleet.csv --invite-to invitations --expires 7d\n"
		   "certpool client set client1 --validity 30d\n",
	.options = client_options,
	.irrevocable = true,
	.settings_size = sizeof(struct client_settings),
	.fewest = 1,
	.most = 2,
	.expected = "an action, and a client's name where it has one",
	.run = run_client,
};
