#ifndef CERTPOOL_POOL_ENROLMENT_OFFLINE_ENROLL_H
#define CERTPOOL_POOL_ENROLMENT_OFFLINE_ENROLL_H

#include "common/pool/enrolment/enroll.h"

/*
 * Part 1 without a network: requests are exported into a file, which a person takes to the CA, and
 * the CA's answers are imported from the file that comes back. A file has the JWEs of POST
 * /v1/certificates, or of their answers, one a line.
 *
 * An answer may take days, so its freshness does not come from the clock: it must be the answer to
 * a request (jti and SHA-256) that was recorded when it was exported (exported_requests.h). The CA
 * accepts requests up to OFFLINE_WINDOW_S old.
 */

enum { OFFLINE_FILE_MAX = 512 * 1024 * 1024 };

struct export_summary {
	size_t members;  /* in the file */
	size_t requests; /* JWEs in the file */
	size_t present;  /* members that have their certificates */
	size_t refused;  /* members whose requests cannot be read */
};

/*
 * Exports the requests of the members that have a request and no certificate, up to batch_size
 * members a JWE. They are recorded durably before this returns. A member that is exported again is
 * in both files, and either answer is accepted. Does not use the enrollment's `ca` and `progress`.
 * Owns: *ret_text is the text of the file; empty if no certificate is missing.
 */
int export_requests(const struct enrollment *enrollment, int64_t now_s, struct buffer *ret_text,
		    struct export_summary *ret_summary, struct fault *fault) MUST_CHECK;

/*
 * Imports the CA's answers, with the checks of enroll_pool, then removes their requests from the
 * record. If the CA refused a whole request, each of its members is reported as refused.
 * ret_summary->present counts the certificates that were saved before. Answers under other keys
 * than this client's are passed over: the file may be for several clients. Errors: FAULT_UNVERIFIED
 * for an answer to a request that was not exported from this layout, or is answered already, and
 * for a file in which nothing is under this client's key. The first failure ends the import:
 * earlier answers stay saved, and importing the file again skips their certificates.
 */
int import_answers(const struct enrollment *enrollment, struct bytes text, int64_t now_s,
		   struct enroll_summary *ret_summary, struct fault *fault) MUST_CHECK;

#endif
