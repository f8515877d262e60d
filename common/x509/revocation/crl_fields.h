#ifndef CERTPOOL_X509_REVOCATION_CRL_FIELDS_H
#define CERTPOOL_X509_REVOCATION_CRL_FIELDS_H

#include "common/x509/certificate_fields.h"

/* The parts of a CRL (RFC 5280 section 5) as slices of its DER, which somebody else owns. */
struct crl_fields {
	struct signed_object signed_object;
	struct bytes issuer; /* whole */
	int64_t this_update_s;
	int64_t next_update_s;
	struct bytes revoked;          /* contents of the list; empty when there is none */
	struct bytes authority_key_id; /* what is in the keyIdentifier */
	struct bytes number;           /* without zeros in front; of at most 20 octets */
};

/*
 * Strict DER with the structure of a CRL of version 2 that covers everything its issuer revoked.
 * Refused: a critical extension that is not known here; what makes it a CRL of a part or a
 * difference (issuingDistributionPoint, deltaCRLIndicator), critical or not; an extension that is
 * there twice; a CRL without nextUpdate, authorityKeyIdentifier or CRL number; algorithms within
 * and without that differ. The entries are not looked at. FAULT_MALFORMED.
 */
int split_crl(struct bytes der, struct crl_fields *ret_parts, struct fault *fault) MUST_CHECK;

struct revoked_entry {
	struct bytes serial; /* contents of the INTEGER, 1 to SERIAL_MAX octets */
	int64_t revoked_at_s;
	int reason; /* enum crl_reason */
};

/*
 * Takes the next entry off *rest. NULL, or what is wrong with it: besides its structure, a serial
 * that is too long, an unknown critical extension, certificateIssuer (the CRL would be about other
 * issuers' certificates), a reason that is none or that only a difference has.
 */
const char *read_revoked_entry(struct bytes *rest, struct revoked_entry *ret_entry);

#endif
