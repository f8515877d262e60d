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

void clear_adopted_issuers(struct adopted_issuers *issuers);

/* Add the next issuer, and the certificates of roots; an empty PEM adds none. Whether a root is
   good is not looked at. */
int add_adopted_issuer(struct adopted_issuers *issuers, struct bytes pem,
		       struct fault *fault) MUST_CHECK;
int add_adopted_roots(struct adopted_issuers *issuers, struct bytes pem,
		      struct fault *fault) MUST_CHECK;

/* For restore.c: a record from a backup, before its file gets its final name; or a record that is
   in a database of its own. */
struct adoption {
	const char *location; /* of the record (open_store) */
	const char *name;     /* of the backup */
	const struct layout *layout;
	int64_t front_end; /* of a shared record: the number in the backup; 0: none */
	const struct adopted_issuers *issuers;
	const struct manifest *manifest; /* for clients that are barred and not in the record */
	int64_t now_s;
};

/* Opens the record, as its front end if it is shared. Owns: free_store. */
int open_adopted(const struct adoption *adoption, struct store **ret_store,
		 struct fault *fault) MUST_CHECK;

/* FAULT_REFUSED unless the record is that of the CA in the backup: its issuers have the keys of
   those in the backup. */
int check_adopted_issuers(const struct adoption *adoption, struct fault *fault) MUST_CHECK;

/* Whether the layout's key of the store is that of the shared record, or leads to it (store_key.h).
   A layout may be without. */
int check_adopted_key(const struct adoption *adoption, struct fault *fault) MUST_CHECK;

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
