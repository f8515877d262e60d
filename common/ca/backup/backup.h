#ifndef CERTPOOL_CA_BACKUP_BACKUP_H
#define CERTPOOL_CA_BACKUP_BACKUP_H

#include "common/ca/store/store.h"
#include "common/layout/layout.h"

/*
 * A copy of a CA in one file (archive.h): its record as of one moment, root, CRL, and its keys
 * under a passphrase. The CA may serve meanwhile, and waits for nothing.
 *
 * Not in it: a key in a token, the layout of a root that is kept apart, the clients' layouts.
 */
struct backup_options {
	const struct layout *layout;
	struct store *store;
	struct bytes manifest;
	struct bytes passphrase; /* empty: the keys are left out */
	const char *scratch;     /* directory for a copy of the record, which has no name */
	int64_t now_s;
};

struct backup_summary {
	size_t certificates;
	size_t keys; /* files */
	uint64_t octets;
};

/*
 * Writes it to the descriptor; name is for messages. The record's pages are all looked at first
 * (integrity_check): a copy of a damaged one would be found out only when it is needed.
 * Errors: FAULT_BUSY while another backup of this CA is made; FAULT_FAILED for a damaged record.
 */
int write_backup(const struct backup_options *terms, int descriptor, const char *name,
		 struct backup_summary *ret_summary, struct fault *fault) MUST_CHECK;

/*
 * The same into a new file of mode 0600, durable. What is there is never overwritten; what a killed
 * process left of an earlier try is removed.
 */
int write_backup_file(const struct backup_options *terms, const char *path,
		      struct backup_summary *ret_summary, struct fault *fault) MUST_CHECK;

#endif
