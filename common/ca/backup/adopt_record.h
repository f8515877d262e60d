#ifndef CERTPOOL_CA_BACKUP_ADOPT_RECORD_H
#define CERTPOOL_CA_BACKUP_ADOPT_RECORD_H

#include "common/ca/store/absorb_crl.h"
#include "common/layout/manifest.h"
#include "common/x509/issuer_set.h"

/* The issuers of the CA's CRLs, issuer 1 first, and the roots above them (absorb_crl.h). */
struct adopted_issuers {
	struct certificate *certificates[ISSUERS_MAX];
	unsigned int count;
	struct certificate *roots[CRL_ROOTS_MAX];
	unsigned int root_count;
};

/* For restore.c: a record from a backup, before the file gets its final name. */
struct adoption {
	const char *path; /* of the record */
	const char *name; /* of the backup */
	const struct adopted_issuers *issuers;
	const struct manifest *manifest; /* for clients that are barred and not in the record */
	int64_t now_s;
};

/*
 * Checks every page of the record, raises its CRL number, and adds the event "restored". The record
 * is complete in this one file when this returns 0.
 *
 * The numbers of the CRLs made since the backup are unknown. The time is higher than any of them,
 * because no CA makes a CRL a second (RFC 5280 section 5.2.3 wants numbers to grow, not to count).
 */
int adopt_record(const struct adoption *adoption, struct fault *fault) MUST_CHECK;

struct adopted_record {
	size_t certificates;
	size_t revoked;      /* with those that it lacks */
	uint64_t crl_number; /* the next CRL's is higher */
};

int describe_record(const struct adoption *adoption, struct adopted_record *ret_record,
		    struct fault *fault) MUST_CHECK;

#endif
