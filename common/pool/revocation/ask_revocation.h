#ifndef CERTPOOL_POOL_REVOCATION_ASK_REVOCATION_H
#define CERTPOOL_POOL_REVOCATION_ASK_REVOCATION_H

#include "common/base/endpoint.h"
#include "common/layout/layout.h"
#include "common/wire/revocation.h"

/*
 * Asks the CA to revoke certificates of the client itself, at most REVOCATIONS_MAX: the CA revokes
 * all of them or none. The client keeps its right to enroll.
 */
struct revocation_options {
	const struct layout *layout;
	const char *client;
	struct endpoint ca;
	const uint8_t (*serials)[SERIAL_MAX]; /* all different */
	size_t serial_count;
	int reason; /* of common/x509/revocation/crl_reason.h */
};

/*
 * Sends the request and checks the CA's answer: it is authenticated, is to this very request, and
 * names each of the serials once.
 * Owns: the caller clears *ret_answer (clear_revocation_answer).
 * Errors: FAULT_NOT_FOUND for a serial that the CA never issued, FAULT_REFUSED for a certificate of
 * another client and for other refusals: nothing was revoked then.
 */
int ask_revocation(const struct revocation_options *options, int64_t now_s,
		   struct revocation_answer *ret_answer, struct fault *fault) MUST_CHECK;

#endif
