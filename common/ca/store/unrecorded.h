#ifndef CERTPOOL_CA_STORE_UNRECORDED_H
#define CERTPOOL_CA_STORE_UNRECORDED_H

#include "common/ca/store/store.h"
#include "common/x509/certificate.h"

/*
 * Revocations of certificates that the record does not have: they were issued after the backup from
 * which it was restored. They are on every CRL like all others, until the latest end that such a
 * certificate can have, and in every OCSP answer. No serial is both here and among the
 * certificates.
 */
struct unrecorded {
	uint8_t serial[SERIAL_MAX];
	unsigned int issuer; /* of the certificate; ANY_ISSUER when it is not known: the revocation
				is on the CRL of each */
	int64_t not_after_s; /* of the certificate, or of its issuer when it is not known */
	int64_t revoked_at_s;
	int reason; /* CRLReason, RFC 5280 section 5.3.1 */
};

struct transaction;

int find_unrecorded(struct transaction *transaction, const uint8_t serial[static SERIAL_MAX],
		    struct unrecorded *ret_revocation, bool *ret_found,
		    struct fault *fault) MUST_CHECK;

/*
 * Adds one, in a WRITE transaction. A serial that is here already keeps time and reason of its
 * first revocation. When it is here for another issuer it becomes one whose issuer is not known,
 * until the later of both ends; *ret_added is false when nothing has changed. Errors: FAULT_REFUSED
 * for a serial that no certificate of a CA of ours can have: it would spoil every CRL.
 */
int add_unrecorded(struct transaction *transaction, const struct unrecorded *revocation,
		   bool *ret_added, struct fault *fault) MUST_CHECK;

#endif
