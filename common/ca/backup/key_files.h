#ifndef CERTPOOL_CA_BACKUP_KEY_FILES_H
#define CERTPOOL_CA_BACKUP_KEY_FILES_H

#include "common/crypto/key.h"
#include "common/layout/layout.h"

/*
 * The key files of a CA's layout as one tar archive, under their names: Private/root.key,
 * Private/ca.key, Private/ca.{n}.key, Private/shared_{node}.jwk, Private/old_{node}.jwk; of a front
 * end of a shared record also Private/store.jwk and Private/front_end.key. Contents are copied
 * unchanged: a key that is encrypted under a passphrase stays encrypted.
 */
enum { KEY_ARCHIVE_MAX = 256 * 1024 * 1024 };

/* Archives the key files that exist; `shared`: those of a front end, too. *ret_count is their
   number. FAULT_TOO_LARGE over KEY_ARCHIVE_MAX. */
int format_key_archive(const struct layout *layout, bool shared, int64_t now_s,
		       struct secret *ret_archive, size_t *ret_count,
		       struct fault *fault) MUST_CHECK;

/* One file of the archive. */
struct archived_key {
	char name[FILE_NAME_SIZE]; /* in Private/ */
	struct bytes content;      /* borrowed from the archive */
};

/*
 * Takes the next file off the front of *archive. *ret_found is false at the end. FAULT_MALFORMED
 * for a file of another name, or without the key that its name promises.
 */
int take_archived_key(struct bytes *archive, struct archived_key *ret_key, bool *ret_found,
		      struct fault *fault) MUST_CHECK;

#endif
