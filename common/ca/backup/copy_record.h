#ifndef CERTPOOL_CA_BACKUP_COPY_RECORD_H
#define CERTPOOL_CA_BACKUP_COPY_RECORD_H

#include "common/ca/backup/copy_plan.h"

/*
 * Moves the CA's record from one database to another: from SQLite to PostgreSQL, back, or to
 * another database of PostgreSQL. All rows of all tables go, whatever tables there are. The source
 * stays as it is; whoever puts the new place into the manifest goes on with the copy.
 */
struct record_copy {
	struct store *source;
	const struct layout *layout; /* of the CA; the caller holds its lock, and that of serving */
	const char *url;             /* NULL: the file of the layout */
	int64_t now_s;
};

struct copied_table {
	char name[NAME_SIZE];
	int64_t rows;
};

struct copied_record {
	struct copied_table tables[COPIED_TABLES_MAX];
	size_t count;
	int64_t audit_lines; /* that were verified */
	size_t audit_logs;
};

/*
 * Copies in one transaction, in which the counts of all tables are compared and the audit logs
 * verified; then the audit log of the copy notes it. A process that is killed leaves an empty
 * target. The keys that the CA shares with its clients are then where such a record has them: in
 * the record of several front ends, under the key of the store, or in files.
 *
 * Errors: FAULT_BUSY while a front end serves the source, or a process writes it; FAULT_REFUSED for
 * a target that is not empty, for an audit log that is not whole, and for a file while the source
 * has other front ends; those of create_store and open_store.
 */
int copy_record(const struct record_copy *copy, struct copied_record *ret_copied,
		struct fault *fault) MUST_CHECK;

#endif
