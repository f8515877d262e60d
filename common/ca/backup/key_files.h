#ifndef CERTPOOL_CA_BACKUP_KEY_FILES_H
#define CERTPOOL_CA_BACKUP_KEY_FILES_H

#include "common/crypto/key.h"
#include "common/layout/layout.h"

/*
 * The keys of a CA's layout as one tar archive, with the names that they have there:
 * Private/root.key, Private/ca.key, Private/shared_{node}.jwk. The files are as they are: a key
 * under a passphrase of its own stays so.
 */
enum { KEY_ARCHIVE_MAX = 256 * 1024 * 1024 };

/* Those that there are. *ret_count: how many. */
int format_key_archive(const struct layout *layout, int64_t now_s, struct secret *ret_archive,
		       size_t *ret_count, struct fault *fault) MUST_CHECK;

/* One file of it: its name in Private/, and its content, both borrowed. */
struct archived_key {
	char name[FILE_NAME_SIZE];
	struct bytes content;
};

/*
 * Takes the next file off the archive. *ret_found false at its end. FAULT_MALFORMED for anything
 * else than such a file, or one that holds no such key.
 */
int take_archived_key(struct bytes *archive, struct archived_key *ret_key, bool *ret_found,
		      struct fault *fault) MUST_CHECK;

#endif
