#ifndef CERTPOOL_CA_BACKUP_RESTORE_H
#define CERTPOOL_CA_BACKUP_RESTORE_H

#include "common/layout/layout.h"

/* Restores a CA from its backup (backup.h) into a layout that has no CA. */
struct restore_options {
	const struct layout *layout;
	struct bytes passphrase; /* empty: not given */
	int64_t now_s;
};

struct restore_summary {
	int64_t made_s; /* when the backup was made */
	size_t certificates;
	size_t revoked;
	size_t keys;         /* files */
	bool unmatched;      /* a key is encrypted, so that it could not be compared with its
				certificate */
	uint64_t crl_number; /* the next CRL's number is higher */
};

/*
 * Reads a backup from the descriptor to its end; name is for messages. All checks come before the
 * first file has its name: the format, the digest of every member, the HMAC under the passphrase,
 * that each key belongs to its certificate, every page of the store. No file is overwritten. The
 * store gets its name last, so that a killed restore can be run again, and does not look like a CA.
 * The caller holds the layout's lock.
 *
 * The next CRL's number is higher than any number that the CA can have used since the backup, by
 * the clock. The audit log notes the restore.
 *
 * Errors: FAULT_REFUSED for a layout that has a store, or another key or certificate than the
 * backup, and for a passphrase that is missing, wrong, or given for a backup without keys;
 * FAULT_UNVERIFIED for a member that was changed; FAULT_MALFORMED for a file that is no backup.
 */
int restore_backup(const struct restore_options *options, int descriptor, const char *name,
		   struct restore_summary *ret_summary, struct fault *fault) MUST_CHECK;

#endif
