#ifndef CERTPOOL_WIRE_ROOTS_H
#define CERTPOOL_WIRE_ROOTS_H

#include "common/crypto/signed_message.h"
#include "common/wire/claims.h"

/* A client tells the CA which roots it has pinned, and asks which it should have. */

#define ROOTS_PATH "/v1/roots"
#define ROOTS_TYPE "certpool.roots"
#define ROOTS_ANSWER_TYPE "certpool.roots.answer"

enum {
	ROOTS_MAX = 2,
	CROSS_CERTIFICATES_MAX = 2,
	ROOTS_REQUEST_MAX = 4 * 1024,
	ROOTS_ANSWER_MAX = 128 * 1024,
};

struct roots_request {
	struct request_claims claims;
	uint8_t sha256[ROOTS_MAX][SHA256_LEN]; /* of each pinned root's DER */
	size_t count;                          /* 1 … ROOTS_MAX */
};

/* Either the request is refused, or there are 1 … ROOTS_MAX roots, the present one first, and the
   certificates by which they certify each other. PEM. */
struct roots_answer {
	struct answer_claims claims;
	struct refusal refusal;
	struct buffer roots[ROOTS_MAX];
	size_t root_count;
	struct buffer cross[CROSS_CERTIFICATES_MAX];
	size_t cross_count;
};

int format_roots_request(const struct roots_request *request, struct secret *ret_json,
			 struct fault *fault) MUST_CHECK;

/* Errors: FAULT_MALFORMED, also for unknown members. On failure ret_claims->jti is filled if it
 * could be read. */
int parse_roots_request(struct bytes json, struct roots_request *ret_request,
			struct request_claims *ret_claims, struct fault *fault) MUST_CHECK;

int format_roots_answer(const struct roots_answer *answer, struct secret *ret_json,
			struct fault *fault) MUST_CHECK;

/* Unknown members are ignored: a newer CA may say more. Errors: FAULT_MALFORMED. */
int parse_roots_answer(struct bytes json, struct roots_answer *ret_answer,
		       struct fault *fault) MUST_CHECK;
void clear_roots_answer(struct roots_answer *answer);

#endif
