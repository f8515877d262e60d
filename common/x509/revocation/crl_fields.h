#ifndef CERTPOOL_X509_REVOCATION_CRL_FIELDS_H
#define CERTPOOL_X509_REVOCATION_CRL_FIELDS_H

#include "common/x509/certificate_fields.h"

/* The fields of a CRL (RFC 5280 section 5), as slices of DER that the caller owns. */
struct crl_fields {
	struct signed_object signed_object;
	struct bytes issuer; /* whole item */
	int64_t this_update_s;
	int64_t next_update_s;
	struct bytes revoked; /* contents of the list; empty: no list */
	struct bytes number;  /* without leading zeros; at most 20 octets */
	struct authority_key_id authority_key_id;
};

/*
 * Splits a CRL of version 2 that covers every revocation by its issuer. The entries are not read.
 * Errors: FAULT_MALFORMED unless the octets are strict DER with that structure; for an unknown
 * critical extension; for issuingDistributionPoint and deltaCRLIndicator, critical or not, which
 * make the CRL a partial one; for an extension that occurs twice; without nextUpdate,
 * authorityKeyIdentifier or CRL number; if the inner algorithm differs from the outer one.
 */
int split_crl(struct bytes der, struct crl_fields *ret_fields, struct fault *fault) MUST_CHECK;

struct revoked_entry {
	struct bytes serial; /* contents octets of the INTEGER, 1 to SERIAL_MAX */
	int64_t revoked_at_s;
	int reason; /* enum crl_reason */
};

/*
 * Takes the next entry off *rest. Returns NULL, or the problem: a wrong structure, a serial that is
 * too long, an unknown critical extension, a certificateIssuer (the CRL would cover certificates of
 * other issuers), or a reason that is undefined or occurs only in delta CRLs.
 */
const char *read_revoked_entry(struct bytes *rest, struct revoked_entry *ret_entry);

#endif
