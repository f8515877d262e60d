#ifndef CERTPOOL_POOL_ENROLMENT_OFFLINE_ENROLL_H
#define CERTPOOL_POOL_ENROLMENT_OFFLINE_ENROLL_H

#include "common/pool/enrolment/enroll.h"

/*
 * Part 1 without a network: the requests are written into a file, which somebody carries to the CA
 * and whose answer somebody carries back. A file is the JWEs of POST /v1/certificates, or of their
 * answers, one a line.
 *
 * Freshness does not come from a clock here, since an answer may take days: it must be the answer
 * to this very request (jti and SHA-256), which was written down when it was exported
 * (exported_requests.h). The CA, for its part, takes requests that are as old as OFFLINE_WINDOW_S.
 */

enum { OFFLINE_FILE_MAX = 512 * 1024 * 1024 };

struct export_figures {
	size_t members;  /* in the file */
	size_t requests; /* JWEs in the file */
	size_t present;  /* have their certificates */
	size_t refused;  /* their requests cannot be read */
};

/*
 * The requests of the members that have a request and no certificate, each of up to batch_size
 * members: the text of the file, empty when nothing is missing. They are remembered durably before
 * this returns. Exported again, a member is in both files, and either answer will do. The
 * enrolment's `ca` and `progress` are not used.
 */
int export_requests(const struct enrollment *enrollment, int64_t now_s, struct buffer *ret_text,
		    struct export_figures *ret_figures, struct fault *fault) MUST_CHECK;

/*
 * Takes the CA's answers, each like one that came over the network (enroll.h), then forgets the
 * requests that were answered. A request that the CA refused as a whole is told for each of its
 * members. ret_enrolled->present counts certificates of the answers that were there already.
 * Errors: FAULT_UNVERIFIED for an answer that is not to a request that was exported from here and
 * not answered yet. The first failure ends it; the answers before that stay saved, and are known
 * when the file is imported again.
 */
int import_answers(const struct enrollment *enrollment, struct bytes text, int64_t now_s,
		   struct enrolled *ret_enrolled, struct fault *fault) MUST_CHECK;

#endif
