/*
 * rotate: makes a key's successor. rotate ca: the CA's own, with a certificate (rotate_ca.c).
 * rotate root: the CA's root (rotate_root.c). rotate key: the key that a client shares with the CA,
 * or with another client. The new key is handed over under the old one, or by a new invitation.
 */
#include "common/base/clock.h"
#include "common/base/name.h"
#include "common/base/staging.h"
#include "common/ca/shared/client_key_copies.h"
#include "common/ca/store/client_keys.h"
#include "common/ca/store/clients.h"
#include "common/crypto/key_file.h"
#include "tools/client/invitations.h"
#include "tools/node.h"
#include "tools/operator.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/rotate_ca.h"
#include "tools/verb/rotate_root.h"

#include <string.h>

struct rotate_settings {
	const char *by;
	const char *overlap;
	bool finish;
	bool again;
	struct text_list without;
	struct ca_key_settings key;
};

static const struct option rotate_options[] = {
	{"by", 0, false, "NODE", take_text, offsetof(struct rotate_settings, by),
	 "key: the node that makes the new key: the CA, or a client on this host", CA_NAME},
	{"overlap", 0, false, "DURATION", take_text, offsetof(struct rotate_settings, overlap),
	 "key: how long the old key is taken, too; 0 after a theft (7d)", NULL},
	{"finish", 0, true, NULL, take_switch, offsetof(struct rotate_settings, finish),
	 "key: end the old key now that the new one was taken; root: make the new root the only "
	 "one, now that the clients have it",
	 NULL},
	{"without", 0, true, "CLIENT", take_texts, offsetof(struct rotate_settings, without),
	 "root: finish though this client, which is lost, lacks the new root; repeatable", NULL},
	{"again", 0, false, NULL, take_switch, offsetof(struct rotate_settings, again),
	 "ca: also within an hour of the last rotation", NULL},
	CA_KEY_OPTIONS(struct rotate_settings, key),
	{0},
};

enum { OVERLAP_DEFAULT_S = 7 * 86400 };

/* One rotation of a shared key. */
struct rotation {
	const struct command *command;
	const char *peer;
	const struct layout *layout; /* of the node that rotates */
	struct store *store;         /* of the CA; NULL: a client rotates */
	int64_t now_s;
	int64_t overlap_s;
	struct shared_key key; /* the current one */
	struct shared_key old;
	bool under_way; /* there is an old key, which has not ended */
	bool taken;     /* the peer has the current key */
};

static void clear_rotation(struct rotation *rotation)
{
	clear_shared_key(&rotation->key);
	clear_shared_key(&rotation->old);
}

/* "0" is no duration anywhere else. */
static int read_overlap(const char *text, int64_t *ret_overlap_s, struct fault *fault)
{
	*ret_overlap_s = text == NULL ? OVERLAP_DEFAULT_S : 0;
	if (text == NULL || strcmp(text, "0") == 0)
		return 0;
	if (parse_duration(text, ret_overlap_s, fault) < 0)
		return prefix_fault(fault, "--overlap");
	return 0;
}

/* An old key that is the current one as well is left from a rotation that was interrupted. */
static int find_rotation(struct rotation *rotation, struct fault *fault)
{
	struct client_key recorded = {0};

	if (read_shared_key(rotation->layout, rotation->peer, &rotation->key, fault) < 0 ||
	    read_old_key(rotation->layout, rotation->peer, rotation->now_s, &rotation->old,
			 &rotation->under_way, fault) < 0)
		return -1;
	if (rotation->under_way && strcmp(rotation->old.kid, rotation->key.kid) == 0)
		rotation->under_way = false;
	rotation->taken = rotation->under_way && !rotation->old.offer;
	if (rotation->store == NULL)
		return 0;
	if (read_client_key(rotation->store, rotation->peer, &recorded, fault) < 0)
		return -1;
	rotation->taken = recorded.taken_at_s != 0 && strcmp(recorded.kid, rotation->key.kid) == 0;
	return 0;
}

static int print_rotation(const struct rotation *rotation, const char *act, int64_t old_ends_s,
			  struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};
	char end[TIME_TEXT_SIZE];

	format_time(old_ends_s, end);
	if (!rotation->command->json) {
		print_line("%s: %s; the old one %s %s", rotation->peer, act,
			   old_ends_s > rotation->now_s ? "is taken until" : "ended at", end);
		return 0;
	}
	add_json_text(&line, "peer", rotation->peer);
	add_json_text(&line, "key", act);
	add_json_time(&line, "old_ends", old_ends_s);
	return print_json(&line, fault);
}

/* The CA's keys may be shared with other front ends, too. */
static int end_old(const struct rotation *rotation, bool *ret_ended, struct fault *fault)
{
	return rotation->store != NULL
		       ? end_old_client_key(rotation->store, rotation->layout, rotation->peer,
					    ret_ended, fault)
		       : end_old_key(rotation->layout, rotation->peer, ret_ended, fault);
}

static int replace_key(const struct rotation *rotation, const struct shared_key *key,
		       int64_t old_ends_s, struct fault *fault)
{
	return rotation->store != NULL
		       ? replace_client_key(rotation->store, rotation->layout, rotation->peer, key,
					    old_ends_s, rotation->now_s, fault)
		       : replace_shared_key(rotation->layout, rotation->peer, key, old_ends_s, true,
					    rotation->now_s, fault);
}

static int finish_rotation(struct rotation *rotation, bool swept, struct fault *fault)
{
	bool ended;

	if (!rotation->under_way && !swept)
		return set_fault(fault, FAULT_REFUSED,
				 "the key shared with %s has no old one that would have to end",
				 rotation->peer);
	if (rotation->under_way && !rotation->taken)
		return set_fault(
			fault, FAULT_REFUSED,
			"%s has not taken the new key yet, and would be left with none: wait, or "
			"end both with --overlap 0 and make an invitation",
			rotation->peer);
	if (end_old(rotation, &ended, fault) < 0 ||
	    (rotation->store != NULL &&
	     record_key_end(rotation->store, rotation->peer, rotation->now_s, fault) < 0))
		return -1;
	return print_rotation(rotation, "finished", rotation->now_s, fault);
}

static int refuse_second(const struct rotation *rotation, struct fault *fault)
{
	char end[TIME_TEXT_SIZE];

	format_time(rotation->old.ends_s, end);
	return set_fault(fault, FAULT_REFUSED,
			 "the key shared with %s is being rotated: the old one ends at %s, and the "
			 "new one %s taken: wait, or %s",
			 rotation->peer, end, rotation->taken ? "was" : "was not",
			 rotation->taken ? "end the old one now with --finish"
					 : "end both with --overlap 0");
}

static void advise(const struct rotation *rotation)
{
	const char *by = rotation->store != NULL ? "" : " --by ";

	if (rotation->overlap_s == 0)
		print_note(rotation->command,
			   "%s has no key now: certpool invite %s%s%s, and there certpool join "
			   "--replace",
			   rotation->peer, rotation->peer, by,
			   rotation->store != NULL ? "" : "NODE");
	else if (rotation->store != NULL)
		print_note(
			rotation->command,
			"%s gets it with its next enroll, renew or keep; certpool client show %s "
			"says whether it did",
			rotation->peer, rotation->peer);
	else
		print_note(rotation->command, "%s gets it with the next message between the two",
			   rotation->peer);
}

/* The record comes first: a new key that is used has its line in the audit log. */
static int begin_rotation(struct rotation *rotation, struct fault *fault)
{
	CLEANUP(clear_shared_key) struct shared_key key = {0};
	int64_t old_ends_s = rotation->now_s + rotation->overlap_s;

	if (rotation->under_way && rotation->overlap_s > 0)
		return refuse_second(rotation, fault);
	if (generate_shared_key(&key, fault) < 0 ||
	    (rotation->store != NULL &&
	     record_key_rotation(rotation->store, rotation->peer, key.kid, old_ends_s,
				 rotation->now_s, fault) < 0) ||
	    replace_key(rotation, &key, old_ends_s, fault) < 0 ||
	    print_rotation(rotation, "rotated", old_ends_s, fault) < 0)
		return -1;
	advise(rotation);
	return 0;
}

static int rotate_locked(struct rotation *rotation, const struct rotate_settings *given,
			 struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	CLEANUP(clear_peers) struct peers old = {0};
	bool swept = false;

	if (lock_or_wait(rotation->command, rotation->layout, &lock, fault) < 0 ||
	    sweep_staging(rotation->layout->private, fault) < 0 ||
	    list_old_peers(rotation->layout, &old, fault) < 0 ||
	    sweep_ended_keys(rotation->layout, rotation->now_s, fault) < 0 ||
	    (rotation->store != NULL &&
	     end_used_invitation(rotation->store, rotation->layout, rotation->peer, rotation->now_s,
				 fault) < 0) ||
	    find_rotation(rotation, fault) < 0)
		return -1;
	for (size_t i = 0; i < old.count; i++)
		swept |= strcmp(old.names[i], rotation->peer) == 0;
	return given->finish ? finish_rotation(rotation, swept, fault)
			     : begin_rotation(rotation, fault);
}

static int rotate_by_ca(struct rotation *rotation, const struct rotate_settings *given,
			struct fault *fault)
{
	CLEANUP(clear_operator) struct ca_operator ca = {0};
	CLEANUP(clear_client) struct client client = {0};
	bool found;

	if (open_operator(rotation->command, &ca, fault) < 0 ||
	    read_client(ca.store, rotation->peer, &client, &found, fault) < 0)
		return -1;
	if (!found)
		return set_fault(fault, FAULT_NOT_FOUND, "the CA has no client \"%s\"",
				 rotation->peer);
	rotation->layout = ca.layout;
	rotation->store = ca.store;
	return rotate_locked(rotation, given, fault);
}

static int rotate_by_client(struct rotation *rotation, const struct rotate_settings *given,
			    struct fault *fault)
{
	CLEANUP(clear_node) struct node node = {0};

	if (strcmp(rotation->peer, CA_NAME) == 0)
		return set_fault(fault, FAULT_USAGE,
				 "the CA rotates the key that it shares with %s: there, certpool "
				 "rotate key %s",
				 given->by, given->by);
	if (open_node(rotation->command, given->by, &node, fault) < 0)
		return -1;
	rotation->layout = node.layout;
	return rotate_locked(rotation, given, fault);
}

static int rotate_key(const struct command *command, const struct rotate_settings *given,
		      struct fault *fault)
{
	CLEANUP(clear_rotation)
	struct rotation rotation = {.command = command, .now_s = read_clock()};

	if (command->operand_count != 2 || !valid_name(command->operands[1]))
		return set_fault(fault, FAULT_USAGE, "key: expected a client's name");
	if (given->finish && given->overlap != NULL)
		return set_fault(fault, FAULT_USAGE, "--finish and --overlap exclude each other");
	rotation.peer = command->operands[1];
	if (read_overlap(given->overlap, &rotation.overlap_s, fault) < 0)
		return -1;
	return strcmp(given->by, CA_NAME) == 0 ? rotate_by_ca(&rotation, given, fault)
					       : rotate_by_client(&rotation, given, fault);
}

static int rotate_ca_root(const struct command *command, const struct rotate_settings *given,
			  struct fault *fault)
{
	const struct root_rotation_options options = {
		.finish = given->finish, .without = given->without, .key = given->key};

	if (command->operand_count != 1)
		return set_fault(fault, FAULT_USAGE, "root: expected no more, found \"%s\"",
				 command->operands[1]);
	return rotate_root(command, &options, fault);
}

static int rotate_issuing_key(const struct command *command, const struct rotate_settings *given,
			      struct fault *fault)
{
	if (command->operand_count != 1)
		return set_fault(fault, FAULT_USAGE, "ca: expected nothing after it, found \"%s\"",
				 command->operands[1]);
	return rotate_ca(command, &given->key, given->again, fault);
}

/* What can be rotated. */
static const struct {
	const char *name;
	int (*run)(const struct command *command, const struct rotate_settings *given,
		   struct fault *fault);
} things[] = {{"ca", rotate_issuing_key}, {"key", rotate_key}, {"root", rotate_ca_root}};

static int run_rotate(const struct command *command, const void *settings, struct fault *fault)
{
	struct nearest_name search = {.word = command->operands[0]};
	char meant[MEANT_SIZE];

	for (size_t i = 0; i < COUNT_OF(things); i++) {
		if (strcmp(things[i].name, search.word) == 0)
			return things[i].run(command, settings, fault);
		compare_name(&search, things[i].name);
	}
	format_meant(&search, meant);
	return set_fault(fault, FAULT_USAGE, "expected ca, key or root, found \"%s\"%s",
			 search.word, meant);
}

const struct verb rotate_verb = {
	.name = "rotate",
	.group = VERB_KEEPING,
	.operands = "ca | key CLIENT | root",
	.summary = "give the CA's certificate, root or a shared key a successor",
	.details =
		"ca: on the CA, also while it serves, which takes it over: makes a key and has "
		"the\n"
		"root certify it, whose layout has to be at hand (ca.root_layout). From then on\n"
		"the CA issues under it. The issuer before keeps its CRL and its OCSP answers\n"
		"until the last certificate that it issued has ended. Clients take the new chain\n"
		"with their next answer, and who holds the root needs nothing. A rotation that "
		"was\n"
		"killed is completed by the next one.\n"
		"key: makes a new key shared by the CA, or by the client --by, and CLIENT.\n"
		"CLIENT gets it under the old one with its next enroll, renew, keep or message.\n"
		"The old one ends after the overlap. After a theft, --overlap 0 ends it now, and\n"
		"CLIENT gets the new one by certpool invite and certpool join --replace alone.\n"
		"root: makes a new root beside the present one, each certified by the other. A\n"
		"root that lies apart needs its layout at hand; one that issues by itself hands "
		"the\n"
		"issuing over to the new root at once. Clients pin it beside the present one with\n"
		"their next enroll, renew or keep. --finish makes it the only one, when every "
		"client has it,\n"
		"and names those that lack it.\n",
	.example = "certpool rotate ca\n"
		   "certpool rotate key client1\n"
		   "certpool rotate key client1 --overlap 0\n"
		   "certpool rotate root\n"
		   "certpool rotate root --finish --without client1\n",
	.options = rotate_options,
	.settings_size = sizeof(struct rotate_settings),
	.irrevocable = true,
	.fewest = 1,
	.most = 2,
	.expected = "ca, key and a client's name, or root",
	.run = run_rotate,
};
