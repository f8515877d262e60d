#ifndef CERTPOOL_CA_BACKUP_BACKUP_H
#define CERTPOOL_CA_BACKUP_BACKUP_H

#include "common/ca/store/store.h"
#include "common/layout/layout.h"

/*
 * A copy of a CA in one file (archive.h): its store as of one moment, its certificates, its CRL,
 * and its keys under a passphrase. The CA may serve meanwhile, and does not wait for the backup.
 *
 * Of a CA whose store is a database (is_shared_store) it has all but the store, which is copied by
 * the database's own means, later than this: the keys in the backup are those of the store, or lead
 * to them.
 *
 * Not in it: a key in a token, the layout of a root that lies apart, the clients' layouts.
 */
struct backup_options {
	const struct layout *layout;
	struct store *store;
	struct bytes manifest;
	struct bytes passphrase; /* empty: the keys are left out */
	const char *scratch;     /* directory for the temporary copy of the store */
	int64_t now_s;
};

struct backup_summary {
	size_t certificates; /* 0 without the store */
	size_t keys;         /* files */
	uint64_t octets;
};

/*
 * Writes a backup to the descriptor; name is for messages and the audit log. Every page of the
 * store is checked first, so that no damage is found only when the backup is needed. Errors:
 * FAULT_BUSY while another backup of this CA is made; FAULT_FAILED for a damaged store.
 */
int write_backup(const struct backup_options *options, int descriptor, const char *name,
		 struct backup_summary *ret_summary, struct fault *fault) MUST_CHECK;

/*
 * The same into a new file of mode 0600, durable on return. FAULT_REFUSED when the file exists; a
 * temporary file that a killed process left is removed.
 */
int write_backup_file(const struct backup_options *options, const char *path,
		      struct backup_summary *ret_summary, struct fault *fault) MUST_CHECK;

#endif
