#ifndef CERTPOOL_CA_BACKUP_RESTORE_H
#define CERTPOOL_CA_BACKUP_RESTORE_H

#include "common/layout/layout.h"

/* A CA from its backup (backup.h), in a layout that has none. */
struct restore_options {
	const struct layout *layout;
	struct bytes passphrase; /* empty: none is given */
	int64_t now_s;
};

struct restore_summary {
	int64_t made_s; /* when the backup was made */
	size_t certificates;
	size_t revoked;
	size_t keys;    /* files */
	bool unmatched; /* a key under a passphrase of its own: whether it is the root's is unknown
			 */
	uint64_t crl_number; /* the next one is higher */
};

/*
 * Reads it from the descriptor to its end; name is for messages. Everything is checked before
 * anything has its place: the form, every member's digest, with a passphrase that whoever made the
 * backup knew it, that the keys belong to the certificates, the record's every page. What is there
 * is never overwritten: a record, or another key or certificate than the backup's, is refused. The
 * record comes last, so that whoever is killed leaves something that can be restored again, and
 * that nobody takes for a CA.
 *
 * The next CRL's number is higher than any that the CA can have given out since the backup, by the
 * clock; that the record was restored is in its audit log.
 *
 * Errors: FAULT_REFUSED for a layout that has a CA, for a passphrase that is missing, is not the
 * one or is too many; FAULT_UNVERIFIED for what was changed; FAULT_MALFORMED for another file.
 * The caller holds the layout's lock.
 */
int restore_backup(const struct restore_options *terms, int descriptor, const char *name,
		   struct restore_summary *ret_summary, struct fault *fault) MUST_CHECK;

#endif
