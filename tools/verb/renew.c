/*
 * renew: replaces the keys and certificates of members whose certificates end soon. Made for
 * timers: it succeeds when no member is due, and an interrupted renewal is completed by the next
 * one.
 */
#include "tools/node.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/pool/client_pool.h"

struct renew_settings {
	struct renewal_options terms;
	bool revoke_old;
	struct endpoint ca;
};

static const struct option renew_options[] = {
	{"within", 0, false, "DURATION", take_duration,
	 offsetof(struct renew_settings, terms.within_s),
	 "renew certificates that end within this time, not in the last third of their life", NULL},
	{"all", 0, true, NULL, take_switch, offsetof(struct renew_settings, terms.all),
	 "renew every member, whenever its certificate ends", NULL},
	{"revoke-old", 0, true, NULL, take_switch, offsetof(struct renew_settings, revoke_old),
	 "have the CA revoke the certificates that were replaced (superseded)", NULL},
	{"ca", 0, false, "ENDPOINT", take_endpoint, offsetof(struct renew_settings, ca),
	 "the CA's endpoint, instead of the manifest's", NULL},
	{0},
};

static int print_renewed(const struct command *command, const char *client,
			 const struct renewal_summary *renewed,
			 const struct revoked_replaced *revoked, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	if (renewed->elsewhere > 0)
		print_note(command, "%s: %s not in Private/: %s", client,
			   counted(renewed->elsewhere, "member is due whose key is",
				   "members are due whose keys are")
				   .text,
			   by_count(renewed->elsewhere, "it is renewed where its key is",
				    "they are renewed where their keys are"));
	if (renewed->damaged > 0)
		print_note(command,
			   "%s: %s a certificate that cannot be read: certpool repair %s makes it "
			   "anew",
			   client, counted(renewed->damaged, "member has", "members have").text,
			   client);
	if (!command->json) {
		print_line("%s: renewed %s; %s not due; %zu refused", client,
			   counted(renewed->renewed, "certificate", "certificates").text,
			   counted(renewed->kept, "was", "were").text, renewed->refused);
		if (revoked != NULL)
			print_line("%s: had %s replaced", client,
				   counted(revoked->revoked, "certificate revoked that was",
					   "certificates revoked that were")
					   .text);
		return 0;
	}
	add_json_text(&line, "client", client);
	add_json_number(&line, "renewed", (long long)renewed->renewed);
	add_json_number(&line, "kept", (long long)renewed->kept);
	add_json_number(&line, "elsewhere", (long long)renewed->elsewhere);
	add_json_number(&line, "refused", (long long)renewed->refused);
	add_json_number(&line, "damaged", (long long)renewed->damaged);
	add_json_number(&line, "cut_short", (long long)renewed->cut_short.count);
	if (revoked != NULL)
		add_json_number(&line, "revoked", (long long)revoked->revoked);
	return print_json(&line, fault);
}

/* A member that is named has to have something to renew. */
static int check_named(const struct node *node, const struct member_set *members,
		       struct fault *fault)
{
	for (size_t i = next_in_member_set(members, 0); i != 0;
	     i = next_in_member_set(members, i)) {
		char name[FILE_NAME_SIZE];
		bool found;

		name_certificate(i, name);
		if (find_file(node->layout->cert, name, &found, fault) < 0)
			return prefix_fault(fault, "%s/cert", node->layout->path);
		if (!found)
			return set_fault(fault, FAULT_NOT_FOUND,
					 "%s/cert/%s: member %zu has no certificate to renew: run "
					 "certpool keep %s",
					 node->layout->path, name, i, node->client->name);
	}
	return 0;
}

static int run_renew(const struct command *command, const void *settings, struct fault *fault)
{
	const struct renew_settings *given = settings;
	CLEANUP(clear_node) struct node node = {0};
	CLEANUP(clear_member_set) struct member_set members = {0};
	struct renewal renewal = {.options = given->terms, .keep_old = given->revoke_old};
	struct revoked_replaced revoked = {0};
	struct renewal_summary renewed;
	CLEANUP(clear_learned) struct learned learned = {0};
	struct fault unlearned;

	if (open_members(command, &node, &members, fault) < 0 ||
	    check_named(&node, &members, fault) < 0)
		return -1;
	renewal.options.only = members.size > 0 ? &members : NULL;
	renewal.enrollment.layout = node.layout;
	renewal.enrollment.client = node.client;
	renewal.enrollment.ca = choose_endpoint(&given->ca, &node.manifest->ca.endpoint);
	learn_client(command, &node, &renewal.enrollment.ca, &learned, &unlearned);
	if (renew_client(command, &renewal, node.client, &renewed, fault) < 0)
		return -1;
	print_learned(command, node.client->name, &learned, &unlearned);
	if (given->revoke_old &&
	    revoke_replaced_of(command, &node, &renewal.enrollment.ca, &revoked, fault) < 0)
		return -1;
	if (print_renewed(command, node.client->name, &renewed, given->revoke_old ? &revoked : NULL,
			  fault) < 0)
		return -1;
	return check_renewed(node.client->name, &renewed, fault);
}

const struct verb renew_verb = {
	.name = "renew",
	.group = VERB_KEEPING,
	.operands = "CLIENT | CLIENT/MEMBER ...",
	.summary = "renew members whose certificates end soon, with new keys",
	.details =
		"Makes new keys and requests, has them certified, and replaces the old files,\n"
		"which can be used until then. The old private keys are destroyed; the old\n"
		"certificates are not revoked, but end by themselves, unless --revoke-old is "
		"given.\n"
		"Members that are named are renewed whenever their certificates end. Does nothing\n"
		"when no member is due; certpool keep does this and more.\n",
	.example = "certpool renew client1 --within 30d\n"
		   "certpool renew client1/5 client1/9\n",
	.options = renew_options,
	.settings_size = sizeof(struct renew_settings),
	.fewest = 1,
	.most = (size_t)-1,
	.expected = "a client's name, or members as CLIENT/MEMBER",
	.run = run_renew,
};
