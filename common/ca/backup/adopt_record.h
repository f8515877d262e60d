#ifndef CERTPOOL_CA_BACKUP_ADOPT_RECORD_H
#define CERTPOOL_CA_BACKUP_ADOPT_RECORD_H

#include "common/ca/backup/restore.h"

/* For restore.c: a record from a backup before it has its place. */

/*
 * Looks at every page of the record at the path, raises its CRL number, and notes that it was
 * restored from what `name` says. It stands in one file, without a log, when this returns 0.
 * Fills certificates, revoked and crl_number of *summary.
 */
int adopt_record(const char *path, const char *name, int64_t now_s, struct restore_summary *summary,
		 struct fault *fault) MUST_CHECK;

#endif
