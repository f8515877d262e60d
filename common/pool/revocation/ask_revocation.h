#ifndef CERTPOOL_POOL_REVOCATION_ASK_REVOCATION_H
#define CERTPOOL_POOL_REVOCATION_ASK_REVOCATION_H

#include "common/base/endpoint.h"
#include "common/layout/layout.h"
#include "common/wire/revocation.h"

/*
 * A client has certificates of its own revoked by the CA, at most REVOCATIONS_MAX, of which all are
 * revoked in the end or none. It cannot give up its right to enroll in this way.
 */
struct own_revocation {
	const struct layout *layout;
	const char *client;
	struct endpoint ca;
	const uint8_t (*serials)[SERIAL_MAX]; /* all different */
	size_t serial_count;
	int reason; /* of common/x509/revocation/crl_reason.h */
};

/*
 * The CA's authenticated answer to this very request, which names each of the serials once.
 * Errors: FAULT_NOT_FOUND for a serial that the CA never issued, FAULT_REFUSED for another's
 * certificate or anything else that the CA refused: nothing was revoked then.
 * Owns: *ret_answer is the caller's, clear_revocation_answer.
 */
int ask_revocation(const struct own_revocation *wish, int64_t now_s,
		   struct revocation_answer *ret_answer, struct fault *fault) MUST_CHECK;

#endif
