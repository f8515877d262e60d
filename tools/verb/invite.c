/*
 * invite: writes the file by which a client on another host joins. The file holds the shared key in
 * plain text, so its mode is 0600 and no other file is overwritten. A second invitation has the
 * same key, and the first stays valid, unless one of them has an end or counts once
 * (client/invitations.h).
 */
#include "common/base/clock.h"
#include "common/base/staging.h"
#include "common/crypto/key_file.h"
#include "common/wire/invitation.h"
#include "tools/client/invitations.h"
#include "tools/input.h"
#include "tools/node.h"
#include "tools/operator.h"
#include "tools/options.h"
#include "tools/output.h"

#include <stdio.h>
#include <string.h>

struct invite_settings {
	const char *by;
	const char *output;
	size_t pool_size;
	int64_t expires_s;
	bool once;
};

static const struct option invite_options[] = {
	{"by", 0, false, "NODE", take_text, offsetof(struct invite_settings, by),
	 "the inviting node: the CA, or a client on this host", CA_NAME},
	{"output", 'o', false, "FILE", take_text, offsetof(struct invite_settings, output),
	 "the file to write; - is standard output (CLIENT.invitation.json)", NULL},
	{"pool-size", 0, false, "N", take_count, offsetof(struct invite_settings, pool_size),
	 "the size of its pool, instead of the manifest's (20 for a client not in it)", NULL},
	{"expires", 0, false, "DURATION", take_duration,
	 offsetof(struct invite_settings, expires_s),
	 "the time within which its holder has to join", NULL},
	{"once", 0, false, NULL, take_switch, offsetof(struct invite_settings, once),
	 "let one host join by it, which gets another key for the one in it", NULL},
	{0},
};

static int copy_node_name(char ret_name[static NAME_SIZE], const char *name, struct fault *fault)
{
	if (!valid_name(name))
		return set_fault(fault, FAULT_USAGE,
				 "\"%s\": expected a node's name: 1 to 64 of A-Z a-z 0-9 _ -",
				 name);
	(void)snprintf(ret_name, NAME_SIZE, "%s", name);
	return 0;
}

/* A client invites without a root or pool: the other host has these from the CA. */
static int fill_for_client(const struct manifest *manifest, const struct client_node *node,
			   struct invitation *invitation, struct fault *fault)
{
	if (strcmp(node->name, invitation->to) == 0)
		return set_fault(fault, FAULT_USAGE, "%s cannot invite itself", node->name);
	invitation->has_endpoint = node->has_endpoint && node->endpoint.port != 0;
	if (!invitation->has_endpoint)
		return 0;
	invitation->endpoint = node->endpoint;
	return check_advertised(manifest, node->name, &node->endpoint, fault);
}

/* The key that the inviting node shares with the other: the existing one, else a new one. */
static int find_or_make_key(const struct command *command, const struct layout *layout,
			    struct invitation *invitation, struct fault *fault)
{
	const char *peer = invitation->to;
	CLEANUP(close_descriptor) int lock = -1;
	CLEANUP(clear_shared_key) struct shared_key key = {0};
	CLEANUP(clear_shared_key) struct shared_key old = {0};
	bool has_old;
	struct fault absent = {0};

	if (lock_or_wait(command, layout, &lock, fault) < 0 ||
	    sweep_staging(layout->private, fault) < 0)
		return -1;
	if (read_shared_key(layout, peer, &key, &absent) < 0) {
		if (absent.class != FAULT_NOT_FOUND)
			return pass_fault(&absent, fault);
		if (generate_shared_key(&key, fault) < 0 ||
		    write_shared_key(layout, peer, &key, fault) < 0)
			return -1;
	}
	if (read_old_key(layout, peer, read_clock(), &old, &has_old, fault) < 0)
		return -1;
	invitation->key = key;
	invitation->old_ends_s = old.ends_s;
	return 0;
}

static int make_ca_invitation(const struct command *command, const struct invite_settings *given,
			      struct invitation *invitation, struct fault *fault)
{
	CLEANUP(clear_operator) struct ca_operator ca = {0};

	if (open_operator(command, &ca, fault) < 0)
		return -1;
	invitation->ends_s = invitation_end(ca.now_s, given->expires_s);
	invitation->once = given->once;
	return invite_client(command, &ca, given->pool_size, invitation, fault);
}

static int make_client_invitation(const struct command *command,
				  const struct invite_settings *given,
				  struct invitation *invitation, struct fault *fault)
{
	CLEANUP(free_manifest) struct manifest *manifest = NULL;
	CLEANUP(free_layout) struct layout *layout = NULL;
	const struct client_node *node;

	if (given->pool_size != 0 || given->expires_s != 0 || given->once)
		return set_fault(fault, FAULT_USAGE,
				 "--%s: expected an invitation from the CA, found --by %s",
				 given->pool_size != 0   ? "pool-size"
				 : given->expires_s != 0 ? "expires"
							 : "once",
				 given->by);
	if (load_manifest(command->manifest, &manifest, fault) < 0)
		return -1;
	node = find_client(manifest, invitation->from, fault);
	if (node == NULL || fill_for_client(manifest, node, invitation, fault) < 0 ||
	    open_layout(node->layout, &layout, fault) < 0)
		return -1;
	return find_or_make_key(command, layout, invitation, fault);
}

static int print_invitation(const struct command *command, const struct invitation *invitation,
			    const char *path, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	if (strcmp(path, "-") == 0)
		return 0;
	print_note(command,
		   "%s is as secret as the key in it: carry it to %s by a way that you trust, and "
		   "delete it then",
		   path, invitation->to);
	if (!command->json) {
		print_line("%s", path);
		return 0;
	}
	add_json_text(&line, "invitation", path);
	add_json_text(&line, "from", invitation->from);
	add_json_text(&line, "to", invitation->to);
	add_json_time(&line, "expires", invitation->ends_s);
	return print_json(&line, fault);
}

static int run_invite(const struct command *command, const void *settings, struct fault *fault)
{
	const struct invite_settings *given = settings;
	CLEANUP(clear_invitation) struct invitation invitation = {0};
	CLEANUP(clear_secret) struct secret json = {0};
	char usual[2 * NAME_SIZE + 32];
	const char *path = given->output != NULL ? given->output : usual;
	bool from_ca;

	if (copy_node_name(invitation.to, command->operands[0], fault) < 0 ||
	    copy_node_name(invitation.from, given->by, fault) < 0)
		return -1;
	from_ca = strcmp(invitation.from, CA_NAME) == 0;
	(void)snprintf(usual, sizeof(usual), "%s%s%s.invitation.json",
		       from_ca ? "" : invitation.from, from_ca ? "" : "-", invitation.to);
	if (check_output(path, fault) < 0 ||
	    (from_ca ? make_ca_invitation(command, given, &invitation, fault)
		     : make_client_invitation(command, given, &invitation, fault)) < 0 ||
	    format_invitation(&invitation, &json, fault) < 0)
		return -1;
	if (write_output(path, 0600, bytes_of_secret(&json), fault) < 0)
		return -1;
	return print_invitation(command, &invitation, path, fault);
}

const struct verb invite_verb = {
	.name = "invite",
	.group = VERB_CLIENTS,
	.operands = "CLIENT",
	.summary = "make a file by which a client on another host joins",
	.details =
		"Writes one file, mode 0600, for certpool join on the other host: the shared key,\n"
		"the inviting node's endpoint, and from the CA the root's SHA-256 and the\n"
		"pool's size, key type and subject. Another invitation has the same key, and the\n"
		"one before stays valid, unless one of the two has an end or counts once. The\n"
		"pool's size is the record's then, and its quota follows. certpool client\n"
		"invitations lists those by which nobody has joined, client withdraw takes one\n"
		"back.\n",
	.example = "certpool invite client3 -o client3.invitation.json\n"
		   "certpool invite client3 --expires 7d --once\n",
	.options = invite_options,
	.settings_size = sizeof(struct invite_settings),
	.fewest = 1,
	.most = 1,
	.expected = "a client's name",
	.run = run_invite,
};
