/*
 * renew: replaces the keys and certificates of members whose certificates end soon. Made for
 * timers: it succeeds when no member is due, and an interrupted renewal is completed by the next
 * one.
 */
#include "tools/client_pool.h"
#include "tools/node.h"
#include "tools/options.h"
#include "tools/output.h"

struct renew_settings {
	struct renewal_options terms;
	struct endpoint ca;
};

static const struct option renew_options[] = {
	{"within", 0, false, "DURATION", take_duration,
	 offsetof(struct renew_settings, terms.within_s),
	 "renew certificates that end within this time, not in the last third of their life", NULL},
	{"all", 0, true, NULL, take_switch, offsetof(struct renew_settings, terms.all),
	 "renew every member, whenever its certificate ends", NULL},
	{"ca", 0, false, "ENDPOINT", take_endpoint, offsetof(struct renew_settings, ca),
	 "the CA's endpoint, instead of the manifest's", NULL},
	{0},
};

static int print_renewed(const struct command *command, const char *client,
			 const struct renewal_summary *renewed, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	if (renewed->elsewhere > 0)
		print_note(command,
			   "%s: %zu members are due whose keys are not in Private/: they are "
			   "renewed where their keys are",
			   client, renewed->elsewhere);
	if (!command->json) {
		print_line("%s: renewed %zu certificates; %zu were not due; %zu refused", client,
			   renewed->renewed, renewed->kept, renewed->refused);
		return 0;
	}
	add_json_text(&line, "client", client);
	add_json_number(&line, "renewed", (long long)renewed->renewed);
	add_json_number(&line, "kept", (long long)renewed->kept);
	add_json_number(&line, "elsewhere", (long long)renewed->elsewhere);
	add_json_number(&line, "refused", (long long)renewed->refused);
	add_json_number(&line, "cut_short", (long long)renewed->cut_short.count);
	return print_json(&line, fault);
}

static int run_renew(const struct command *command, const void *settings, struct fault *fault)
{
	const struct renew_settings *given = settings;
	CLEANUP(clear_node) struct node node = {0};
	struct renewal renewal = {.options = given->terms};
	struct renewal_summary renewed;
	struct learned learned;
	struct fault unlearned;

	if (open_node(command, command->operands[0], &node, fault) < 0)
		return -1;
	renewal.enrollment.layout = node.layout;
	renewal.enrollment.client = node.client;
	renewal.enrollment.ca = choose_endpoint(&given->ca, &node.manifest->ca.endpoint);
	learn_client(&node, &renewal.enrollment.ca, &learned, &unlearned);
	if (renew_client(command, &renewal, &renewed, fault) < 0)
		return -1;
	print_learned(command, node.client->name, &learned, &unlearned);
	if (print_renewed(command, node.client->name, &renewed, fault) < 0)
		return -1;
	return check_renewed(node.client->name, &renewed, fault);
}

const struct verb renew_verb = {
	.name = "renew",
	.group = VERB_KEEPING,
	.operands = "CLIENT",
	.summary = "renew members whose certificates end soon, with new keys",
	.details =
		"Makes new keys and requests, has them certified, and replaces the old files,\n"
		"which can be used until then. The old private keys are destroyed; the old\n"
		"certificates are not revoked, but end by themselves. Does nothing when no member\n"
		"is due: made for cron and timers.\n",
	.example = "certpool renew client1 --within 30d\n",
	.options = renew_options,
	.settings_size = sizeof(struct renew_settings),
	.fewest = 1,
	.most = 1,
	.expected = "a client's name",
	.run = run_renew,
};
