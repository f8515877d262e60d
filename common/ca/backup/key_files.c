#include "common/ca/backup/key_files.h"

#include "common/base/tar.h"
#include "common/ca/shared/front_end_key.h"
#include "common/ca/shared/store_key.h"
#include "common/crypto/key_file.h"
#include "common/x509/issuer_set.h"

#include <stdio.h>
#include <string.h>

static const char folder[] = "Private/";
static const char root_key[] = "root.key";
static const char first_key[] = "ca.key"; /* of issuer 1 (name_issuer_file) */

/* Of a front end of a shared record. */
static const char *const front_end_keys[] = {STORE_KEY_FILE, FRONT_END_KEY_FILE};

enum { OWN_KEYS_MAX = ISSUERS_MAX + 1 + COUNT_OF(front_end_keys) };

/* An archive that is written. */
struct key_archive {
	struct secret octets; /* zeroed, as large as the files can be at most */
	size_t used;
	int64_t now_s;
	size_t count;
};

static void clear_key_archive(struct key_archive *archive)
{
	clear_secret(&archive->octets);
}

static size_t measure_entry(size_t size)
{
	return TAR_BLOCK_LEN + size + tar_padding(size);
}

/* The largest size of an archive with the keys of that many peers. */
static size_t measure_archive(size_t peer_count)
{
	return OWN_KEYS_MAX * measure_entry(PRIVATE_KEY_FILE_MAX) +
	       2 * peer_count * measure_entry(SHARED_KEY_FILE_MAX) + TAR_END_LEN;
}

static void put_key(struct key_archive *archive, const char *name, struct bytes content)
{
	struct tar_entry entry = {.mode = 0600, .size = content.len, .modified_s = archive->now_s};
	uint8_t *header = archive->octets.data + archive->used;

	(void)snprintf(entry.name, sizeof(entry.name), "%s%s", folder, name);
	format_tar_header(&entry, header);
	memcpy(header + TAR_BLOCK_LEN, content.data, content.len);
	archive->used += measure_entry(content.len);
	archive->count++;
}

static int add_key(struct key_archive *archive, const struct layout *layout, const char *name,
		   size_t max, struct fault *fault)
{
	CLEANUP(clear_secret) struct secret content = {0};

	if (read_secret_file(layout->private, name, max, &content, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	put_key(archive, name, bytes_of_secret(&content));
	return 0;
}

/* If there is such a key: that of a root, or of an issuer that has ended, may be gone. */
static int add_own_key(struct key_archive *archive, const struct layout *layout, const char *name,
		       struct fault *fault)
{
	bool found;

	if (find_file(layout->private, name, &found, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	return found ? add_key(archive, layout, name, PRIVATE_KEY_FILE_MAX, fault) : 0;
}

static int add_keys(struct key_archive *archive, const struct layout *layout, bool shared,
		    const struct peers *peers, struct fault *fault)
{
	char own[FILE_NAME_SIZE];

	if (add_own_key(archive, layout, root_key, fault) < 0)
		return -1;
	for (unsigned int number = 1; number <= ISSUERS_MAX; number++) {
		name_issuer_file(first_key, number, own);
		if (add_own_key(archive, layout, own, fault) < 0)
			return -1;
	}
	for (size_t i = 0; shared && i < COUNT_OF(front_end_keys); i++)
		if (add_own_key(archive, layout, front_end_keys[i], fault) < 0)
			return -1;
	for (size_t i = 0; i < peers->count; i++) {
		char name[FILE_NAME_SIZE];

		CLEANUP(clear_shared_key) struct shared_key old = {0};
		bool found;

		name_shared_key(peers->names[i], name);
		if (add_key(archive, layout, name, SHARED_KEY_FILE_MAX, fault) < 0 ||
		    read_old_key(layout, peers->names[i], archive->now_s, &old, &found, fault) < 0)
			return -1;
		name_old_key(peers->names[i], name);
		if (found && add_key(archive, layout, name, SHARED_KEY_FILE_MAX, fault) < 0)
			return -1;
	}
	return 0;
}

int format_key_archive(const struct layout *layout, bool shared, int64_t now_s,
		       struct secret *ret_archive, size_t *ret_count, struct fault *fault)
{
	CLEANUP(clear_peers) struct peers peers = {0};
	CLEANUP(clear_key_archive) struct key_archive writer = {.now_s = now_s};
	CLEANUP(clear_secret) struct secret archive = {0};

	if (list_peers(layout, &peers, fault) < 0 ||
	    allocate_secret(measure_archive(peers.count), &writer.octets, fault) < 0 ||
	    add_keys(&writer, layout, shared, &peers, fault) < 0)
		return -1;
	if (writer.used + TAR_END_LEN > KEY_ARCHIVE_MAX)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "%s/Private: expected at most %d octets of keys, found more",
				 layout->path, KEY_ARCHIVE_MAX);
	if (allocate_secret(writer.used + TAR_END_LEN, &archive, fault) < 0)
		return -1;
	memcpy(archive.data, writer.octets.data, writer.used);
	*ret_archive = take_secret(&archive);
	*ret_count = writer.count;
	return 0;
}

static bool is_own_key(const char *name)
{
	bool own = strcmp(name, root_key) == 0;
	char expected[FILE_NAME_SIZE];

	for (unsigned int number = 1; number <= ISSUERS_MAX && !own; number++) {
		name_issuer_file(first_key, number, expected);
		own = strcmp(name, expected) == 0;
	}
	return own;
}

/* Whether it is shared_{peer}.jwk or old_{peer}.jwk exactly as the layout names it. */
static bool is_shared_key(const char *name)
{
	char peer[NAME_SIZE] = "";
	char expected[FILE_NAME_SIZE];
	bool old = strncmp(name, "old_", strlen("old_")) == 0;

	if (sscanf(name, old ? "old_%64[A-Za-z0-9_-]" : "shared_%64[A-Za-z0-9_-]", peer) != 1 ||
	    !valid_name(peer))
		return false;
	if (old)
		name_old_key(peer, expected);
	else
		name_shared_key(peer, expected);
	return strcmp(name, expected) == 0;
}

static int check_key(const struct archived_key *key, struct fault *fault)
{
	CLEANUP(free_private_key) struct private_key *private_key = NULL;
	CLEANUP(clear_agreement_key) struct agreement_key agreement_key = {0};
	struct shared_key shared_key;
	int result;

	if (strcmp(key->name, FRONT_END_KEY_FILE) == 0)
		return parse_agreement_key(key->content, &agreement_key, fault);
	if (is_own_key(key->name))
		return is_encrypted_private_key(key->content)
			       ? 0
			       : parse_private_key(key->content, &private_key, fault);
	if (strcmp(key->name, STORE_KEY_FILE) != 0 && !is_shared_key(key->name))
		return set_fault(fault, FAULT_MALFORMED,
				 "expected a key of a CA's layout, found a file of another name");
	result = parse_shared_key(key->content, &shared_key, fault);
	clear_shared_key(&shared_key);
	return result;
}

static bool all_zeros(struct bytes octets)
{
	for (size_t i = 0; i < octets.len; i++)
		if (octets.data[i] != 0)
			return false;
	return true;
}

/* Takes a file off the archive, without a look at its content. */
static int take_entry(struct bytes *archive, struct archived_key *ret_key, struct fault *fault)
{
	struct tar_entry entry;
	size_t prefix_len = strlen(folder);

	if (parse_tar_header(archive->data, &entry, fault) < 0)
		return -1;
	if (strncmp(entry.name, folder, prefix_len) != 0 ||
	    strlen(entry.name + prefix_len) >= sizeof(ret_key->name))
		return set_fault(fault, FAULT_MALFORMED, "expected a file in %s, found \"%s\"",
				 folder, entry.name);
	if (entry.size > PRIVATE_KEY_FILE_MAX ||
	    archive->len - TAR_BLOCK_LEN < entry.size + tar_padding(entry.size))
		return set_fault(fault, FAULT_MALFORMED,
				 "%s: expected at most %d octets of a key, found %ju", entry.name,
				 PRIVATE_KEY_FILE_MAX, (uintmax_t)entry.size);
	memcpy(ret_key->name, entry.name + prefix_len, strlen(entry.name + prefix_len) + 1);
	ret_key->content = (struct bytes){archive->data + TAR_BLOCK_LEN, (size_t)entry.size};
	archive->data += measure_entry((size_t)entry.size);
	archive->len -= measure_entry((size_t)entry.size);
	return 0;
}

int take_archived_key(struct bytes *archive, struct archived_key *ret_key, bool *ret_found,
		      struct fault *fault)
{
	struct archived_key key;

	if (archive->len == TAR_END_LEN && all_zeros(*archive)) {
		*ret_found = false;
		return 0;
	}
	if (archive->len < TAR_BLOCK_LEN + TAR_END_LEN)
		return set_fault(fault, FAULT_MALFORMED, "the keys are cut off");
	if (take_entry(archive, &key, fault) < 0)
		return -1;
	if (check_key(&key, fault) < 0)
		return prefix_fault(fault, "%s%s", folder, key.name);
	*ret_key = key;
	*ret_found = true;
	return 0;
}
