#ifndef CERTPOOL_CA_BACKUP_ADOPT_RECORD_H
#define CERTPOOL_CA_BACKUP_ADOPT_RECORD_H

#include "common/base/fault.h"

#include <stddef.h>
#include <stdint.h>

/* For restore.c: a record from a backup, before the file gets its final name. */
struct adopted_record {
	size_t certificates;
	size_t revoked;
	uint64_t crl_number; /* the next CRL's is higher */
};

/*
 * Checks every page of the record at the path, raises its CRL number, and adds the event "restored"
 * with `name`, the backup's. The record is complete in this one file when this returns 0.
 *
 * The numbers of the CRLs made since the backup are unknown. The time is higher than any of them,
 * because no CA makes a CRL a second (RFC 5280 section 5.2.3 wants numbers to grow, not to count).
 */
int adopt_record(const char *path, const char *name, int64_t now_s,
		 struct adopted_record *ret_record, struct fault *fault) MUST_CHECK;

#endif
