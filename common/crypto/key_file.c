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

int read_shared_key(const struct layout *layout, const char *peer, struct shared_key *ret_key,
		    struct fault *fault)
{
	CLEANUP(clear_secret) struct secret jwk = {0};
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
	if (read_secret_file(layout->private, name, SHARED_KEY_FILE_MAX, &jwk, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	if (parse_shared_key(bytes_of_secret(&jwk), ret_key, fault) < 0)
		return prefix_fault(fault, "%s/Private/%s", layout->path, name);
	return 0;
}

static bool same_key(const struct shared_key *a, const struct shared_key *b)
{
	return strcmp(a->kid, b->kid) == 0 && equal_secrets((struct bytes){a->key, SHARED_KEY_LEN},
							    (struct bytes){b->key, SHARED_KEY_LEN});
}

static int refuse_other_key(const struct layout *layout, const char *peer, struct fault *fault)
{
	return set_fault(fault, FAULT_REFUSED,
			 "%s/Private: another key is shared with %s already, and is not "
			 "overwritten: if it is no longer wanted, move the file away first",
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

int stage_shared_key(struct staging *staging, const struct layout *layout, const char *peer,
		     const struct shared_key *key, bool replace, struct fault *fault)
{
	CLEANUP(clear_secret) struct secret jwk = {0};
	char name[FILE_NAME_SIZE];

	name_shared_key(peer, name);
	if (format_shared_key(key, &jwk, fault) < 0)
		return -1;
	if (stage_file(staging, layout->private, name, replace ? STAGE_REPLACE : STAGE_NEW, 0600,
		       bytes_of_secret(&jwk), fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	return 0;
}

int remove_shared_key(const struct layout *layout, const char *peer, struct fault *fault)
{
	char name[FILE_NAME_SIZE];

	name_shared_key(peer, name);
	if (unlinkat(layout->private, name, 0) < 0 && errno != ENOENT)
		return set_errno_fault(fault, "%s/Private/%s", layout->path, name);
	if (fsync(layout->private) < 0)
		return set_errno_fault(fault, "%s/Private", layout->path);
	return 0;
}

static void clear_key_ring_pointer(struct key_ring **ring)
{
	if (*ring != NULL)
		clear_key_ring(*ring);
}

int read_key_ring(const struct layout *layout, struct key_ring *ret_ring, struct fault *fault)
{
	CLEANUP(clear_peers) struct peers peers = {0};
	struct key_ring ring = {0};
	CLEANUP(clear_key_ring_pointer) struct key_ring *owned = &ring;

	if (list_peers(layout, &peers, fault) < 0)
		return -1;
	for (size_t i = 0; i < peers.count; i++) {
		CLEANUP(clear_shared_key) struct shared_key key = {0};

		if (read_shared_key(layout, peers.names[i], &key, fault) < 0)
			return -1;
		if (add_peer_key(&ring, peers.names[i], &key, fault) < 0)
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
	}
	if (check_buffer(&text, fault) < 0)
		return -1;
	digest_sha256(bytes_of_buffer(&text), ret_stamp);
	return 0;
}

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
