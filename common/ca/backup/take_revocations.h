#ifndef CERTPOOL_CA_BACKUP_TAKE_REVOCATIONS_H
#define CERTPOOL_CA_BACKUP_TAKE_REVOCATIONS_H

#include "common/ca/backup/adopt_record.h"
#include "common/ca/backup/restore.h"

/*
 * For restore.c: puts into the record what is known about the time since the backup: the CRL that
 * lies in the layout, those that are given, the clients of state/barred (barred.h). Fills crls,
 * barred and lost of the summary. The record is complete in its one file afterwards.
 */
int take_revocations(const struct adoption *adoption, const struct restore_options *options,
		     struct restore_summary *summary, struct fault *fault) MUST_CHECK;

#endif
