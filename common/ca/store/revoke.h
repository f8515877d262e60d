#ifndef CERTPOOL_CA_STORE_REVOKE_H
#define CERTPOOL_CA_STORE_REVOKE_H

#include "common/ca/store/certificates.h"
#include "common/layout/ca_node.h"

/*
 * A request to revoke the serials, or the certificates of the query that are not expired, or a
 * whole client, which loses its right to enroll as well. The operator can revoke also what the
 * record lacks.
 */
struct revocation {
	const uint8_t (*serials)[SERIAL_MAX];
	size_t serial_count;
	const struct issued_certificate *recovered; /* certificates of this CA without a row: they
						       get one, and are revoked */
	size_t recovered_count;
	int64_t unrecorded_until_s; /* a serial without a row is revoked all the same, and is on
				       every CRL until then, the end of the issuer (unrecorded.h);
				       0: it is refused */
	const struct certificate_query *query;
	const char *client;
	const char *by; /* a client, which may revoke only its own certificates; CA_NAME: the
			   operator */
	int reason;     /* CRLReason, RFC 5280 section 5.3.1 */
	int64_t now_s;
	struct revocation_rounding rounding; /* of the time that certificates get; none: now_s */
	bool dry_run;                        /* list, and change nothing */
};

struct revoked_certificate {
	uint8_t serial[SERIAL_MAX];
	char client[NAME_SIZE]; /* "": the record lacks the certificate */
	char member[NAME_SIZE];
	int64_t revoked_at_s;
	int reason;
	bool already; /* it was revoked before, and keeps its first date and reason */
};

/* Called for one certificate once all revocations are durable: -1 undoes none of them. */
typedef int revoked_function(void *context, const struct revoked_certificate *revoked,
			     struct fault *fault);

struct revocation_summary {
	size_t revoked;
	size_t already;
	bool client_barred; /* by this call */
};

/*
 * Revokes in one transaction, durable on return, with its events in the audit log. A revocation is
 * for good. From then on no certificate of a barred client is recorded, not even for a request that
 * was accepted before. function may be NULL.
 * Errors: FAULT_NOT_FOUND for a serial or a client that the record does not have; FAULT_REFUSED for
 * a certificate that is not by's. Nothing is revoked then.
 */
int revoke_certificates(struct store *store, const struct revocation *revocation,
			revoked_function *function, void *context,
			struct revocation_summary *ret_summary, struct fault *fault) MUST_CHECK;

/*
 * Records a certificate of this CA that the record lacks, in a WRITE transaction, with its event.
 * No client's quota counts. *ret_inserted false: its public key is recorded already, or spent.
 */
int insert_recovered(struct transaction *transaction, const struct issued_certificate *record,
		     int64_t now_s, bool *ret_inserted, struct fault *fault) MUST_CHECK;

#endif
