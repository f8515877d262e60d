#ifndef CERTPOOL_X509_AUDIT_POOL_AUDIT_H
#define CERTPOOL_X509_AUDIT_POOL_AUDIT_H

#include "common/base/bytes.h"

/*
 * Looks for whatever tells the certificates of one pool from those of other pools. Certificates are
 * compared within a window of time, by their notBefore. A finding is
 *   - a pool that is alone in its window, or has there fewer than at_least - 1 others beside it;
 *   - a value that at least two certificates of a pool have, and certificates of fewer than
 *     at_least pools in all: of the subject, an alternative name, a part of these between signs,
 *     notBefore, notAfter, issuer, an extension, their order, the algorithms, the size;
 *   - a subject or alternative name that begins or ends alike in a pool, where chance would not;
 *   - serials of a pool that lie beside each other, or at equal distances, entries of a pool on a
 *     CRL that lie beside each other, or share their time.
 * Not looked at: what follows from the key, such as subjectKeyIdentifier, the signature and the
 * size of both; certificates of different windows.
 */
struct pool_audit;

enum { AUDIT_WINDOW_S = 86400, AUDIT_AT_LEAST = 2 };

struct audit_finding {
	const char *pool; /* "": an order, which is of all pools */
	const char *field;
	const char *text; /* what was found, and what is expected */
};

/* -1 ends the audit. */
typedef int audit_function(void *context, const struct audit_finding *finding, struct fault *fault);

struct audit_options {
	int64_t window_s;         /* at least 1 */
	size_t at_least;          /* at least 1 */
	audit_function *function; /* called for each finding */
	void *context;
};

/* Owns: free_pool_audit. */
int new_pool_audit(const struct audit_options *options, struct pool_audit **ret_audit,
		   struct fault *fault) MUST_CHECK;
void free_pool_audit(struct pool_audit **audit);

/* Takes a certificate's DER in. Errors: FAULT_MALFORMED. */
int audit_certificate(struct pool_audit *audit, const char *pool, struct bytes der,
		      struct fault *fault) MUST_CHECK;

/* Takes the entries of a CRL in, after all certificates; entries of none of them are left out. */
int audit_crl(struct pool_audit *audit, struct bytes der, struct fault *fault) MUST_CHECK;

/* Compares what was taken in: of each pool, window and field the one value is reported that most of
   its certificates have. *ret_findings counts also those of audit_crl. */
int run_pool_audit(struct pool_audit *audit, size_t *ret_findings, struct fault *fault) MUST_CHECK;

#endif
