#ifndef CERTPOOL_POOL_REVOCATION_ANSWER_H
#define CERTPOOL_POOL_REVOCATION_ANSWER_H

#include "common/wire/claims.h"

/*
 * Whether an answer of the CA can be used: its claims must be those of the answer to this request
 * (check_answer_claims: FAULT_UNVERIFIED), and it must not be a refusal of the whole request
 * (FAULT_REFUSED; FAULT_BUSY when we ask too often; FAULT_FAILED when the CA itself failed).
 */
int check_ca_answer(const struct answer_claims *claims, const struct refusal *refusal,
		    const struct request_claims *request,
		    const uint8_t request_sha256[static SHA256_LEN],
		    struct fault *fault) MUST_CHECK;

#endif
