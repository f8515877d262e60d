#include "tools/client/invitations.h"

#include "common/base/clock.h"
#include "common/base/staging.h"
#include "common/ca/shared/client_key_copies.h"
#include "common/ca/store/client_keys.h"
#include "common/ca/store/fleet.h"
#include "common/crypto/key_file.h"
#include "common/pool/members/trust.h"
#include "tools/node.h"
#include "tools/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int64_t invitation_end(int64_t now_s, int64_t expires_s)
{
	return expires_s != 0 ? now_s + expires_s : 0;
}

/* What all invitations of a CA have in common. */
static int begin_invitation(const struct ca_operator *ca, struct invitation *invitation,
			    struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *root = NULL;

	if (read_root(ca->layout, &root, fault) < 0 ||
	    check_advertised(ca->manifest, CA_NAME, &ca->manifest->ca.endpoint, fault) < 0)
		return -1;
	(void)snprintf(invitation->from, sizeof(invitation->from), "%s", CA_NAME);
	invitation->from_ca = true;
	invitation->has_endpoint = true;
	invitation->endpoint = ca->manifest->ca.endpoint;
	digest_sha256(certificate_der(root), invitation->root_sha256);
	return 0;
}

/* The manifest's pool counts before the record's policy; the record's size before the manifest's.
 */
static int fill_pool(const struct manifest *manifest, const struct client *record,
		     struct invitation *invitation, struct fault *fault)
{
	struct fault absent = {0};
	const struct client_node *node = find_client(manifest, record->name, &absent);

	(void)snprintf(invitation->to, sizeof(invitation->to), "%s", record->name);
	invitation->pool_size = node != NULL ? node->pool.size : POOL_SIZE_DEFAULT;
	if (record->pool_size != 0)
		invitation->pool_size = record->pool_size;
	if (node != NULL)
		invitation->pool_key = node->pool.key;
	else
		while (invitation->pool_key < KEY_TYPE_COUNT &&
		       !record->policy.keys[invitation->pool_key])
			invitation->pool_key++;
	invitation->pool_usages = node != NULL ? node->pool.usages : record->policy.usages;
	if (!is_rsa_key(invitation->pool_key))
		invitation->pool_usages &= PLAIN_USAGES;
	invitation->pool_subject =
		strdup(node != NULL ? node->pool.subject : record->policy.subject);
	return invitation->pool_subject != NULL ? 0 : set_memory_fault(fault);
}

/* --- one client --- */

/* The client's row. The manifest may have it, and the record not yet. */
static int find_invited(struct ca_operator *ca, const char *name, struct client *ret_client,
			struct fault *fault)
{
	struct fault absent = {0};
	const struct client_node *node = find_client(ca->manifest, name, &absent);
	bool found;

	if (read_client(ca->store, name, ret_client, &found, fault) < 0)
		return -1;
	if (!found && node != NULL &&
	    (sync_client(ca->store, node, ca->now_s, fault) < 0 ||
	     read_client(ca->store, name, ret_client, &found, fault) < 0))
		return -1;
	return found ? 0
		     : set_fault(fault, absent.class != FAULT_NONE ? absent.class : FAULT_REFUSED,
				 "%s; the CA's record has no such client either: certpool client "
				 "add adds one",
				 absent.class != FAULT_NONE
					 ? absent.text
					 : "a client of this name was revoked, which is for good");
}

static bool counts_once(const struct client *client)
{
	return client->invitation_kid[0] != '\0';
}

/* Whether nobody has a key of the client: not even who used an invitation that counts once, but
   did not save what came of it. A rotation after that is none of the invitation's. */
static int find_absence(struct store *store, const struct client *client, bool *ret_absent,
			struct fault *fault)
{
	struct client_key key;

	if (read_client_key(store, client->name, &key, fault) < 0)
		return -1;
	*ret_absent = client->joined_at_s == 0 || (counts_once(client) && key.taken_at_s == 0 &&
						   key.rotated_at_s <= client->joined_at_s);
	return 0;
}

static int check_invited(const struct client *client, bool absent, bool limited,
			 struct fault *fault)
{
	char at[TIME_TEXT_SIZE];

	format_time(client->revoked_at_s, at);
	if (client->revoked)
		return set_fault(fault, FAULT_REFUSED,
				 "%s was revoked at %s, which is for good: invite a client of "
				 "another name",
				 client->name, at);
	format_time(client->joined_at_s, at);
	if (limited && !absent)
		return set_fault(fault, FAULT_REFUSED,
				 "%s joined at %s, and its key is in use: an invitation with the "
				 "same key cannot end: leave --expires and --once out",
				 client->name, at);
	return 0;
}

/* The size that an invitation gives is the record's from now on, and the quota follows it. */
static int follow_size(struct ca_operator *ca, size_t pool_size, struct client *client,
		       struct fault *fault)
{
	CLEANUP(clear_client_policy) struct client_policy initial = {0};

	if (pool_size == 0 || pool_size == client->pool_size)
		return 0;
	client->pool_size = pool_size;
	if (initial_client_policy(ca->manifest, client->name, pool_size, &initial, fault) < 0)
		return -1;
	if ((client->by_hand & FIELD_BIT(POLICY_CERTIFICATES)) == 0)
		client->policy.certificates = initial.certificates;
	return write_client(ca->store, client, CLIENT_CHANGE, ca->now_s, fault);
}

/* The end of a key that counts once: the record refuses it from its first use on. */
static int64_t once_end(const struct invitation *invitation, int64_t now_s)
{
	return invitation->ends_s != 0 ? invitation->ends_s : now_s + CENTURY_S;
}

/* The key of the invitation becomes the old one of another, which whoever joins is given for it. */
static int make_successor(const struct ca_operator *ca, const struct invitation *invitation,
			  struct fault *fault)
{
	CLEANUP(clear_shared_key) struct shared_key successor = {0};
	int64_t ends_s = once_end(invitation, ca->now_s);

	if (generate_shared_key(&successor, fault) < 0 ||
	    replace_client_key(ca->store, ca->layout, invitation->to, &successor, ends_s, ca->now_s,
			       fault) < 0)
		return -1;
	return record_key_rotation(ca->store, invitation->to, successor.kid, ends_s, ca->now_s,
				   fault);
}

/* The existing key, unless a limit of this invitation, or of the one before, makes that void. */
static int find_or_make_key(const struct command *command, const struct ca_operator *ca,
			    const struct client *client, bool is_void,
			    struct invitation *invitation, struct fault *fault)
{
	CLEANUP(clear_shared_key) struct shared_key key = {0};
	CLEANUP(clear_shared_key) struct shared_key old = {0};
	struct fault absent = {0};
	bool found = read_shared_key(ca->layout, client->name, &key, &absent) == 0;
	bool has_old;

	if (!found && absent.class != FAULT_NOT_FOUND)
		return pass_fault(&absent, fault);
	if (found && is_void)
		print_note(command, "the invitation of %s that was made before is void",
			   client->name);
	if (!found || is_void || invitation->once) {
		if (remove_client_key(ca->store, ca->layout, client->name, fault) < 0 ||
		    generate_shared_key(&key, fault) < 0 ||
		    write_client_key(ca->store, ca->layout, client->name, &key, fault) < 0)
			return -1;
	}
	if (read_old_key(ca->layout, client->name, ca->now_s, &old, &has_old, fault) < 0)
		return -1;
	invitation->key = key;
	invitation->old_ends_s = old.ends_s;
	return invitation->once ? make_successor(ca, invitation, fault) : 0;
}

int end_used_invitation(struct store *store, const struct layout *layout, const char *name,
			int64_t now_s, struct fault *fault)
{
	CLEANUP(clear_client) struct client client = {0};
	CLEANUP(clear_shared_key) struct shared_key old = {0};
	bool absent;
	bool found;
	bool has_old;
	bool ended;

	if (read_client(store, name, &client, &found, fault) < 0 ||
	    find_absence(store, &client, &absent, fault) < 0 ||
	    read_old_key(layout, name, now_s, &old, &has_old, fault) < 0)
		return -1;
	if (absent || !has_old || strcmp(old.kid, client.invitation_kid) != 0)
		return 0;
	if (end_old_client_key(store, layout, name, &ended, fault) < 0)
		return -1;
	return record_key_end(store, name, now_s, fault);
}

int invite_client(const struct command *command, struct ca_operator *ca, size_t pool_size,
		  struct invitation *invitation, struct fault *fault)
{
	CLEANUP(clear_client) struct client client = {0};
	CLEANUP(close_descriptor) int lock = -1;
	bool limited = invitation->ends_s != 0 || invitation->once;
	struct invitation_note note = {
		.client = invitation->to, .now_s = ca->now_s, .ends_s = invitation->ends_s};
	bool absent;

	if (find_invited(ca, invitation->to, &client, fault) < 0 ||
	    find_absence(ca->store, &client, &absent, fault) < 0 ||
	    check_invited(&client, absent, limited, fault) < 0 ||
	    begin_invitation(ca, invitation, fault) < 0 ||
	    lock_or_wait(command, ca->layout, &lock, fault) < 0 ||
	    sweep_staging(ca->layout->private, fault) < 0 ||
	    end_used_invitation(ca->store, ca->layout, client.name, ca->now_s, fault) < 0 ||
	    follow_size(ca, pool_size, &client, fault) < 0 ||
	    fill_pool(ca->manifest, &client, invitation, fault) < 0)
		return -1;
	if (client.policy.certificates < invitation->pool_size)
		print_note(command,
			   "%s may have %s, fewer than its pool has members, %zu: "
			   "certpool client set %s --certificates %zu",
			   client.name,
			   counted(client.policy.certificates, "certificate", "certificates").text,
			   invitation->pool_size, client.name,
			   quota_of_pool(invitation->pool_size));
	note.anew = absent && client.invited_at_s != 0 &&
		    (limited || client.invitation_ends_s != 0 || counts_once(&client));
	if (find_or_make_key(command, ca, &client, note.anew, invitation, fault) < 0)
		return -1;
	note.kid = invitation->once ? invitation->key.kid : NULL;
	return note_invitation(ca->store, &note, fault);
}

/* --- many clients --- */

enum { INVITATION_NAME_SIZE = NAME_SIZE + 32 };

static void name_invitation(const char *client, char ret_name[static INVITATION_NAME_SIZE])
{
	(void)snprintf(ret_name, INVITATION_NAME_SIZE, "%s.invitation.json", client);
}

static int open_folder(const char *path, int *ret_folder, struct fault *fault)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return set_errno_fault(fault, "%s", path);
	*ret_folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_folder >= 0 ? 0 : set_errno_fault(fault, "%s", path);
}

/* One that counts once is the old one of another from the beginning, as by make_successor. */
static int stage_once_key(const struct ca_operator *ca, struct client *client,
			  struct invitation *invitation, struct staging *staging,
			  struct key_ring *made, struct fault *fault)
{
	CLEANUP(clear_shared_key) struct shared_key successor = {0};
	CLEANUP(clear_shared_key) struct shared_key old = {0};

	if (generate_shared_key(&invitation->key, fault) < 0 ||
	    generate_shared_key(&successor, fault) < 0)
		return -1;
	old = invitation->key;
	old.ends_s = once_end(invitation, ca->now_s);
	if (stage_old_key(staging, ca->layout, client->name, &old, fault) < 0 ||
	    stage_shared_key(staging, ca->layout, client->name, &successor, true, fault) < 0 ||
	    add_peer_key(made, client->name, &successor, fault) < 0 ||
	    add_peer_key(made, client->name, &old, fault) < 0)
		return -1;
	memcpy(client->invitation_kid, old.kid, KEY_ID_SIZE);
	memcpy(client->successor_kid, successor.kid, KEY_ID_SIZE);
	client->successor_wanted_until_s = old.ends_s;
	return 0;
}

/* The key that is there, as of a client of the manifest, or another one. */
static int stage_invited_key(const struct ca_operator *ca, struct client *client,
			     struct invitation *invitation, struct staging *staging,
			     struct key_ring *made, struct fault *fault)
{
	struct fault absent = {0};

	if (invitation->once)
		return stage_once_key(ca, client, invitation, staging, made, fault);
	if (read_shared_key(ca->layout, client->name, &invitation->key, &absent) == 0)
		return 0;
	if (absent.class != FAULT_NOT_FOUND)
		return pass_fault(&absent, fault);
	if (generate_shared_key(&invitation->key, fault) < 0 ||
	    add_peer_key(made, client->name, &invitation->key, fault) < 0)
		return -1;
	return stage_shared_key(staging, ca->layout, client->name, &invitation->key, false, fault);
}

static int stage_invitation(const struct ca_operator *ca, struct client *client,
			    const struct invitation *common, int folder, struct staging *staging,
			    struct key_ring *made, struct fault *fault)
{
	CLEANUP(clear_invitation) struct invitation invitation = *common;
	CLEANUP(clear_secret) struct secret json = {0};
	char name[INVITATION_NAME_SIZE];
	bool found;

	name_invitation(client->name, name);
	if (find_file(folder, name, &found, fault) < 0)
		return -1;
	if (found)
		return set_fault(fault, FAULT_REFUSED,
				 "%s: expected no such file, found one: it is not overwritten",
				 name);
	invitation.ends_s = client->invitation_ends_s;
	if (fill_pool(ca->manifest, client, &invitation, fault) < 0 ||
	    stage_invited_key(ca, client, &invitation, staging, made, fault) < 0)
		return -1;
	if (format_invitation(&invitation, &json, fault) < 0)
		return -1;
	return stage_file(staging, folder, name, STAGE_NEW, 0600, bytes_of_secret(&json), fault);
}

/* The keys and the invitations of all of them. `made` gets the keys. */
static int stage_invitations(const struct ca_operator *ca, const struct new_clients *new,
			     int folder, struct staging *staging, struct key_ring *made,
			     struct fault *fault)
{
	CLEANUP(clear_invitation) struct invitation common = {0};

	common.once = new->once;
	if (begin_invitation(ca, &common, fault) < 0)
		return -1;
	for (size_t i = 0; i < new->count; i++) {
		struct client *client = &new->clients[i];

		client->invited_at_s = ca->now_s;
		client->invitation_ends_s = new->ends_s;
		if (stage_invitation(ca, client, &common, folder, staging, made, fault) < 0)
			return -1;
	}
	return 0;
}

/* Of a client that neither the record nor the manifest has: nobody may come by it. */
static int drop_left_keys(struct ca_operator *ca, const struct new_clients *new,
			  struct fault *fault)
{
	for (size_t i = 0; i < new->count; i++) {
		CLEANUP(clear_client) struct client record = {0};
		const char *name = new->clients[i].name;
		struct fault absent = {0};
		bool found;

		if (find_client(ca->manifest, name, &absent) != NULL)
			continue;
		if (read_client(ca->store, name, &record, &found, fault) < 0 ||
		    (!found && remove_client_key(ca->store, ca->layout, name, fault) < 0))
			return -1;
	}
	return 0;
}

/* Everything is written under temporary names first, so that little can fail after the record. */
int add_invited_clients(const struct command *command, struct ca_operator *ca,
			const struct new_clients *new, size_t *ret_failed, struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	CLEANUP(close_descriptor) int folder = -1;
	CLEANUP(free_staging) struct staging *staging = NULL;
	CLEANUP(clear_key_ring) struct key_ring made = {0};

	*ret_failed = new->count;
	if (lock_or_wait(command, ca->layout, &lock, fault) < 0 ||
	    sweep_staging(ca->layout->private, fault) < 0 || drop_left_keys(ca, new, fault) < 0)
		return -1;
	if (new->folder == NULL)
		return add_clients(ca->store, new->clients, new->count, ca->now_s, ret_failed,
				   fault);
	if (open_folder(new->folder, &folder, fault) < 0 || new_staging(&staging, fault) < 0)
		return -1;
	if (stage_invitations(ca, new, folder, staging, &made, fault) < 0)
		return prefix_fault(fault, "%s", new->folder);
	if (add_clients(ca->store, new->clients, new->count, ca->now_s, ret_failed, fault) < 0)
		return -1;
	if (record_client_keys(ca->store, ca->layout, &made, fault) < 0 ||
	    commit_staging(staging, fault) < 0)
		return prefix_fault(fault,
				    "the clients were added, but not all invitations written: "
				    "certpool invite CLIENT writes one: %s",
				    new->folder);
	return 0;
}

/* --- the list --- */

static int print_open_invitation(void *context, const struct client *client, struct fault *fault)
{
	const struct command *command = context;
	CLEANUP(clear_json) struct json_line line = {0};
	char made[TIME_TEXT_SIZE];
	char ends[TIME_TEXT_SIZE] = "never";

	if (client->invited_at_s == 0 || client->joined_at_s != 0)
		return 0;
	if (!command->json) {
		format_time(client->invited_at_s, made);
		if (client->invitation_ends_s != 0)
			format_time(client->invitation_ends_s, ends);
		print_line("%-20s  %-20s  %-20s  %s", client->name, made, ends,
			   counts_once(client) ? "once" : "-");
		return 0;
	}
	add_json_text(&line, "client", client->name);
	add_json_time(&line, "invited", client->invited_at_s);
	add_json_time(&line, "invitation_ends", client->invitation_ends_s);
	add_json_flag(&line, "once", counts_once(client));
	return print_json(&line, fault);
}

int print_invitations(const struct command *command, const struct ca_operator *ca,
		      struct fault *fault)
{
	struct command context = *command;

	if (!command->json)
		print_line("%-20s  %-20s  %-20s  %s", "CLIENT", "INVITED", "ENDS", "COUNTS");
	return list_clients(ca->store, print_open_invitation, &context, fault);
}

/* The invitation ends first: who joined before that keeps the key, and nobody joins after it.
   Killed in between, the invitation is still listed, and is good for nothing. */
int withdraw_client(const struct command *command, struct ca_operator *ca, const char *name,
		    struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;

	if (lock_or_wait(command, ca->layout, &lock, fault) < 0 ||
	    end_invitation(ca->store, name, ca->now_s, fault) < 0 ||
	    remove_client_key(ca->store, ca->layout, name, fault) < 0)
		return -1;
	return withdraw_invitation(ca->store, name, ca->now_s, fault);
}
