#include "common/crypto/key_file.h"

#include "common/base/staging.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int read_private_key(const struct layout *layout, const char *name, struct private_key **ret_key,
		     struct fault *fault)
{
	CLEANUP(clear_secret) struct secret pem = {0};

	if (read_secret_file(layout->private, name, PRIVATE_KEY_FILE_MAX, &pem, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	if (parse_private_key(bytes_of_secret(&pem), ret_key, fault) < 0)
		return prefix_fault(fault, "%s/Private/%s", layout->path, name);
	return 0;
}

static int find_shared_key(const struct layout *layout, const char *name, bool *ret_found,
			   struct fault *fault)
{
	if (find_file(layout->private, name, ret_found, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	return 0;
}

static int read_key(const struct layout *layout, const char *name, struct shared_key *ret_key,
		    struct fault *fault)
{
	CLEANUP(clear_secret) struct secret jwk = {0};

	if (read_secret_file(layout->private, name, SHARED_KEY_FILE_MAX, &jwk, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	if (parse_shared_key(bytes_of_secret(&jwk), ret_key, fault) < 0)
		return prefix_fault(fault, "%s/Private/%s", layout->path, name);
	return 0;
}

int read_shared_key(const struct layout *layout, const char *peer, struct shared_key *ret_key,
		    struct fault *fault)
{
	CLEANUP(clear_shared_key) struct shared_key key = {0};
	char name[FILE_NAME_SIZE];
	bool found;

	name_shared_key(peer, name);
	if (find_shared_key(layout, name, &found, fault) < 0)
		return -1;
	if (!found)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "%s/Private/%s: no key is shared with %s: run certpool init where "
				 "both nodes are, or certpool invite there and certpool join here",
				 layout->path, name, peer);
	if (read_key(layout, name, &key, fault) < 0)
		return -1;
	if (key.ends_s != 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "%s/Private/%s: expected a key without an end (exp), found an old "
				 "one: certpool rotate key makes another",
				 layout->path, name);
	*ret_key = key;
	return 0;
}

static bool same_key(const struct shared_key *a, const struct shared_key *b)
{
	return strcmp(a->kid, b->kid) == 0 && equal_secrets((struct bytes){a->key, SHARED_KEY_LEN},
							    (struct bytes){b->key, SHARED_KEY_LEN});
}

static int refuse_other_key(const struct layout *layout, const char *peer, struct fault *fault)
{
	return set_fault(
		fault, FAULT_REFUSED,
		"%s/Private: another key is shared with %s already, and is not "
		"overwritten: after a rotation (certpool rotate key) take the new one with "
		"certpool join --replace",
		layout->path, peer);
}

int write_shared_key(const struct layout *layout, const char *peer, const struct shared_key *key,
		     struct fault *fault)
{
	CLEANUP(clear_secret) struct secret jwk = {0};
	CLEANUP(clear_shared_key) struct shared_key present = {0};
	char name[FILE_NAME_SIZE];
	bool found;

	name_shared_key(peer, name);
	if (find_shared_key(layout, name, &found, fault) < 0)
		return -1;
	if (found) {
		if (read_shared_key(layout, peer, &present, fault) < 0)
			return -1;
		return same_key(key, &present) ? 0 : refuse_other_key(layout, peer, fault);
	}
	if (format_shared_key(key, &jwk, fault) < 0)
		return -1;
	if (write_file(layout->private, name, STAGE_NEW, 0600, bytes_of_secret(&jwk), fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	return 0;
}

static int stage_key(struct staging *staging, const struct layout *layout, const char *name,
		     const struct shared_key *key, bool replace, struct fault *fault)
{
	CLEANUP(clear_secret) struct secret jwk = {0};

	if (format_shared_key(key, &jwk, fault) < 0)
		return -1;
	if (stage_file(staging, layout->private, name, replace ? STAGE_REPLACE : STAGE_NEW, 0600,
		       bytes_of_secret(&jwk), fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	return 0;
}

int stage_shared_key(struct staging *staging, const struct layout *layout, const char *peer,
		     const struct shared_key *key, bool replace, struct fault *fault)
{
	char name[FILE_NAME_SIZE];

	name_shared_key(peer, name);
	return stage_key(staging, layout, name, key, replace, fault);
}

int stage_old_key(struct staging *staging, const struct layout *layout, const char *peer,
		  const struct shared_key *key, struct fault *fault)
{
	char name[FILE_NAME_SIZE];

	name_old_key(peer, name);
	return stage_key(staging, layout, name, key, true, fault);
}

static void clear_key_ring_pointer(struct key_ring **ring)
{
	if (*ring != NULL)
		clear_key_ring(*ring);
}

int read_old_key(const struct layout *layout, const char *peer, int64_t now_s,
		 struct shared_key *ret_key, bool *ret_found, struct fault *fault)
{
	CLEANUP(clear_shared_key) struct shared_key key = {0};
	char name[FILE_NAME_SIZE];
	bool found;

	name_old_key(peer, name);
	if (find_shared_key(layout, name, &found, fault) < 0 ||
	    (found && read_key(layout, name, &key, fault) < 0))
		return -1;
	if (found && key.ends_s == 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "%s/Private/%s: expected an old key with its end (exp), found "
				 "none: certpool rotate key %s --finish removes it",
				 layout->path, name, peer);
	*ret_found = found && key.ends_s > now_s;
	if (*ret_found)
		*ret_key = key;
	return 0;
}

int read_key_ring(const struct layout *layout, int64_t now_s, struct key_ring *ret_ring,
		  struct fault *fault)
{
	CLEANUP(clear_peers) struct peers peers = {0};
	struct key_ring ring = {0};
	CLEANUP(clear_key_ring_pointer) struct key_ring *owned = &ring;

	if (list_peers(layout, &peers, fault) < 0)
		return -1;
	for (size_t i = 0; i < peers.count; i++) {
		CLEANUP(clear_shared_key) struct shared_key key = {0};
		CLEANUP(clear_shared_key) struct shared_key old = {0};
		const char *peer = peers.names[i];
		bool found;

		if (read_shared_key(layout, peer, &key, fault) < 0 ||
		    read_old_key(layout, peer, now_s, &old, &found, fault) < 0)
			return -1;
		if (add_peer_key(&ring, peer, &key, fault) < 0 ||
		    (found && add_peer_key(&ring, peer, &old, fault) < 0))
			return prefix_fault(fault, "%s/Private", layout->path);
	}
	*ret_ring = ring;
	owned = NULL;
	return 0;
}

/* Of the file's state; nothing more for a file that is gone by now. */
static void append_file_stamp(const struct layout *layout, const char *name, struct buffer *text)
{
	struct stat status;

	append_format(text, "%s", name);
	if (fstatat(layout->private, name, &status, AT_SYMLINK_NOFOLLOW) == 0)
		append_format(text, " %ju %jd %jd.%09ld %jd.%09ld", (uintmax_t)status.st_ino,
			      (intmax_t)status.st_size, (intmax_t)status.st_mtim.tv_sec,
			      status.st_mtim.tv_nsec, (intmax_t)status.st_ctim.tv_sec,
			      status.st_ctim.tv_nsec);
	append_string(text, "\n");
}

int stamp_shared_keys(const struct layout *layout, uint8_t ret_stamp[static SHA256_LEN],
		      struct fault *fault)
{
	CLEANUP(clear_peers) struct peers peers = {0};
	CLEANUP(clear_buffer) struct buffer text = {0};

	if (list_peers(layout, &peers, fault) < 0)
		return -1;
	for (size_t i = 0; i < peers.count; i++) {
		char name[FILE_NAME_SIZE];

		name_shared_key(peers.names[i], name);
		append_file_stamp(layout, name, &text);
		name_old_key(peers.names[i], name);
		append_file_stamp(layout, name, &text);
	}
	if (check_buffer(&text, fault) < 0)
		return -1;
	digest_sha256(bytes_of_buffer(&text), ret_stamp);
	return 0;
}

/* --- rotation --- */

/* Opens a key's file that is about to go; -1 if there is none. */
static int open_doomed(const struct layout *layout, const char *name, int *ret_file,
		       struct fault *fault)
{
	*ret_file = openat(layout->private, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	return *ret_file >= 0 || errno == ENOENT
		       ? 0
		       : set_errno_fault(fault, "%s/Private/%s", layout->path, name);
}

/* Overwrites a file that nobody needs any more with zeros; -1: there is none. */
static int wipe_doomed(const struct layout *layout, int file, struct fault *fault)
{
	static const uint8_t zeros[SHARED_KEY_FILE_MAX] = {0};
	struct stat status;

	if (file < 0)
		return 0;
	if (fstat(file, &status) < 0 || status.st_size > (off_t)sizeof(zeros) ||
	    pwrite(file, zeros, (size_t)status.st_size, 0) != status.st_size || fsync(file) < 0)
		return set_errno_fault(fault, "%s/Private: an old key cannot be overwritten",
				       layout->path);
	return 0;
}

/* Writes a key's file, in place of one of the same name, whose content is wiped then. */
static int place_key(const struct layout *layout, const char *name, const struct shared_key *key,
		     struct fault *fault)
{
	CLEANUP(close_descriptor) int doomed = -1;
	CLEANUP(clear_secret) struct secret jwk = {0};

	if (open_doomed(layout, name, &doomed, fault) < 0 ||
	    format_shared_key(key, &jwk, fault) < 0)
		return -1;
	if (write_file(layout->private, name, STAGE_REPLACE, 0600, bytes_of_secret(&jwk), fault) <
	    0)
		return prefix_fault(fault, "%s/Private", layout->path);
	return wipe_doomed(layout, doomed, fault);
}

/* The name goes first: killed in between, no file is left that is no key. */
static int remove_key(const struct layout *layout, const char *name, bool *ret_removed,
		      struct fault *fault)
{
	CLEANUP(close_descriptor) int doomed = -1;

	if (open_doomed(layout, name, &doomed, fault) < 0)
		return -1;
	*ret_removed = doomed >= 0;
	if (doomed < 0)
		return 0;
	if (remove_file(layout->private, name, fault) < 0 ||
	    sync_directory(layout->private, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	return wipe_doomed(layout, doomed, fault);
}

int end_old_key(const struct layout *layout, const char *peer, bool *ret_ended, struct fault *fault)
{
	char name[FILE_NAME_SIZE];

	name_old_key(peer, name);
	return remove_key(layout, name, ret_ended, fault);
}

int remove_shared_key(const struct layout *layout, const char *peer, struct fault *fault)
{
	char name[FILE_NAME_SIZE];
	bool removed;

	if (end_old_key(layout, peer, &removed, fault) < 0)
		return -1;
	name_shared_key(peer, name);
	return remove_key(layout, name, &removed, fault);
}

int replace_shared_key(const struct layout *layout, const char *peer, const struct shared_key *key,
		       int64_t old_ends_s, bool offer, int64_t now_s, struct fault *fault)
{
	CLEANUP(clear_shared_key) struct shared_key present = {0};
	char name[FILE_NAME_SIZE];
	bool ended;

	if (read_shared_key(layout, peer, &present, fault) < 0)
		return -1;
	if (old_ends_s > now_s && !same_key(&present, key)) {
		present.ends_s = old_ends_s;
		present.offer = offer;
		name_old_key(peer, name);
		if (place_key(layout, name, &present, fault) < 0)
			return -1;
	}
	name_shared_key(peer, name);
	if (!same_key(&present, key) && place_key(layout, name, key, fault) < 0)
		return -1;
	return old_ends_s > now_s ? 0 : end_old_key(layout, peer, &ended, fault);
}

int note_taken_key(const struct layout *layout, const char *peer, struct fault *fault)
{
	CLEANUP(clear_shared_key) struct shared_key old = {0};
	char name[FILE_NAME_SIZE];
	bool found;

	if (read_old_key(layout, peer, 0, &old, &found, fault) < 0)
		return -1;
	if (!found || !old.offer)
		return 0;
	old.offer = false;
	name_old_key(peer, name);
	return place_key(layout, name, &old, fault);
}

int sweep_ended_keys(const struct layout *layout, int64_t now_s, struct fault *fault)
{
	CLEANUP(clear_peers) struct peers peers = {0};

	if (list_old_peers(layout, &peers, fault) < 0)
		return -1;
	for (size_t i = 0; i < peers.count; i++) {
		CLEANUP(clear_shared_key) struct shared_key old = {0};
		bool lasts;
		bool ended;

		if (read_old_key(layout, peers.names[i], now_s, &old, &lasts, fault) < 0 ||
		    (!lasts && end_old_key(layout, peers.names[i], &ended, fault) < 0))
			return -1;
	}
	return 0;
}

/* --- on one machine --- */

/* *ret_found is false if there is no such file. */
static int look_for_shared_key(const struct layout *layout, const char *peer,
			       struct shared_key *ret_key, bool *ret_found, struct fault *fault)
{
	char name[FILE_NAME_SIZE];

	name_shared_key(peer, name);
	if (find_shared_key(layout, name, ret_found, fault) < 0)
		return -1;
	return *ret_found ? read_shared_key(layout, peer, ret_key, fault) : 0;
}

int share_key(const struct layout *a, const char *a_name, const struct layout *b,
	      const char *b_name, bool *ret_made, struct fault *fault)
{
	CLEANUP(clear_shared_key) struct shared_key a_key = {0};
	CLEANUP(clear_shared_key) struct shared_key b_key = {0};
	bool a_has;
	bool b_has;

	if (look_for_shared_key(a, b_name, &a_key, &a_has, fault) < 0 ||
	    look_for_shared_key(b, a_name, &b_key, &b_has, fault) < 0)
		return -1;
	if (!a_has && b_has)
		a_key = b_key;
	if (!a_has && !b_has && generate_shared_key(&a_key, fault) < 0)
		return -1;
	if (write_shared_key(a, b_name, &a_key, fault) < 0 ||
	    write_shared_key(b, a_name, &a_key, fault) < 0)
		return -1;
	*ret_made = !a_has || !b_has;
	return 0;
}
