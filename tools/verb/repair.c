/*
 * repair: makes new what a pool has lost, or what is damaged. What it replaces is set aside, and
 * revoked with --revoke.
 */
#include "tools/options.h"
#include "tools/pool/client_pool.h"

struct repair_settings {
	bool lost_keys;
	bool shrink;
	bool revoke;
	struct endpoint ca;
};

static const struct option repair_options[] = {
	{"lost-keys", 0, false, NULL, take_switch, offsetof(struct repair_settings, lost_keys),
	 "private keys that are not in Private/ are lost, and not kept elsewhere", NULL},
	{"shrink", 0, false, NULL, take_switch, offsetof(struct repair_settings, shrink),
	 "set the members above the pool's size in the manifest aside", NULL},
	{"revoke", 0, false, NULL, take_switch, offsetof(struct repair_settings, revoke),
	 "have the CA revoke what was replaced, also by earlier repairs", NULL},
	{"ca", 0, false, "ENDPOINT", take_endpoint, offsetof(struct repair_settings, ca),
	 "the CA's endpoint, instead of the manifest's", NULL},
	{0},
};

/* The members above the size, under the lock, which the repair takes again. */
static int shrink(const struct command *command, const struct node *node, size_t *ret_count,
		  struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;

	if (lock_client(command, node->layout, node->client, &lock, fault) < 0)
		return -1;
	return shrink_pool(node->layout, node->client, ret_count, fault);
}

static int print_repaired(const struct command *command, const struct repair_settings *given,
			  const struct node *node, const struct upkeep_summary *kept,
			  size_t set_aside, const struct revoked_replaced *revoked,
			  struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};
	const char *client = node->client->name;

	print_kept(command, client, kept, &line);
	if (!command->json) {
		if (given->shrink)
			print_line("%s: set %s above the size of %zu aside", client,
				   counted(set_aside, "member", "members").text,
				   node->client->pool.size);
		if (given->revoke)
			print_line("%s: had %s replaced", client,
				   counted(revoked->revoked, "certificate revoked that was",
					   "certificates revoked that were")
					   .text);
		return 0;
	}
	add_json_number(&line, "set_aside", (long long)set_aside);
	add_json_number(&line, "revoked", (long long)revoked->revoked);
	return print_json(&line, fault);
}

static int run_repair(const struct command *command, const void *settings, struct fault *fault)
{
	const struct repair_settings *given = settings;
	CLEANUP(clear_node) struct node node = {0};
	CLEANUP(clear_member_set) struct member_set members = {0};
	struct upkeep upkeep = {.scope = UPKEEP_REPAIR, .lost_keys = given->lost_keys};
	struct upkeep_summary kept;
	struct revoked_replaced revoked = {0};
	size_t set_aside = 0;
	struct endpoint ca;

	if (open_members(command, &node, &members, fault) < 0)
		return -1;
	ca = choose_endpoint(&given->ca, &node.manifest->ca.endpoint);
	upkeep.enrollment.layout = node.layout;
	upkeep.enrollment.client = node.client;
	upkeep.enrollment.ca = ca;
	upkeep.only = members.size > 0 ? &members : NULL;
	if ((given->shrink && shrink(command, &node, &set_aside, fault) < 0) ||
	    keep_client(command, &upkeep, node.client, &kept, fault) < 0 ||
	    (given->revoke && revoke_replaced_of(command, &node, &ca, &revoked, fault) < 0) ||
	    print_repaired(command, given, &node, &kept, set_aside, &revoked, fault) < 0)
		return -1;
	return check_kept(node.client->name, &kept, fault);
}

const struct verb repair_verb = {
	.name = "repair",
	.group = VERB_KEEPING,
	.operands = "CLIENT | CLIENT/MEMBER ...",
	.summary = "make new what a pool has lost",
	.details = "Makes the keys, requests and certificates that are missing, and replaces those "
		   "that\n"
		   "cannot be read or do not fit. A key that can be read is used again, and the CA "
		   "gives\n"
		   "the certificate that it has. What is replaced stays beside, as "
		   "replaced_N_NAME. A\n"
		   "private key that is not there is taken for lost only if its member is named, "
		   "or with\n"
		   "--lost-keys. certpool check CLIENT says what is damaged.\n",
	.example = "certpool repair client1\n"
		   "certpool repair client1/5 client1/9 --revoke\n"
		   "certpool repair client1 --shrink --revoke\n",
	.options = repair_options,
	.settings_size = sizeof(struct repair_settings),
	.irrevocable = true,
	.fewest = 1,
	.most = (size_t)-1,
	.expected = "a client's name, or members as CLIENT/MEMBER",
	.run = run_repair,
};
