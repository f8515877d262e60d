#ifndef CERTPOOL_POOL_REVOCATION_ASK_STATUSES_H
#define CERTPOOL_POOL_REVOCATION_ASK_STATUSES_H

#include "common/base/endpoint.h"
#include "common/layout/layout.h"
#include "common/wire/statuses.h"

/*
 * Asks the CA which of a client's own certificates are revoked, at most STATUSES_MAX in one
 * request: the serials are all different. *ret_answer is authenticated, and is to this very
 * question.
 * *ret_known false: the CA is older, and does not know the question.
 * Owns: the caller clears *ret_answer (clear_statuses_answer).
 * Errors: those of read_shared_key, ask_encrypted and check_ca_answer.
 */
struct statuses_question {
	const struct layout *layout;
	const char *client;
	struct endpoint ca;
	const uint8_t (*serials)[SERIAL_MAX];
	size_t serial_count;
};

int ask_statuses(const struct statuses_question *question, int64_t now_s,
		 struct statuses_answer *ret_answer, bool *ret_known,
		 struct fault *fault) MUST_CHECK;

#endif
