#ifndef CERTPOOL_WIRE_CLAIMS_JSON_H
#define CERTPOOL_WIRE_CLAIMS_JSON_H

#include "common/wire/claims.h"
#include "common/wire/json.h"

/* Claims as members of a plaintext, for the other files of this folder. */

/* The rules of check_members for the claims, to be put among those of a plaintext. */
/* clang-format off */
#define REQUEST_CLAIM_RULES \
	{"iss", JSON_STRING, true}, {"aud", JSON_STRING, true}, {"iat", JSON_INTEGER, true}, \
	{"jti", JSON_STRING, true}
#define ANSWER_CLAIM_RULES \
	{"iss", JSON_STRING, true}, {"aud", JSON_STRING, true}, {"iat", JSON_INTEGER, true}, \
	{"in_reply_to", JSON_STRING, false}, {"request_sha256", JSON_STRING, true}
#define REFUSAL_RULE {"error", JSON_OBJECT, false}
/* clang-format on */

/* A new object that holds the claims; NULL with a fault. */
json_t *new_request_json(const struct request_claims *claims, struct fault *fault);

/* With the refusal as "error", when its type is not "". */
json_t *new_answer_json(const struct answer_claims *claims, const struct refusal *refusal,
			struct fault *fault);

int parse_request_claims(const json_t *object, struct request_claims *ret_claims,
			 struct fault *fault) MUST_CHECK;

/* Fills what can be read, for an answer to a request that cannot be read whole. */
void salvage_request_claims(struct bytes json, struct request_claims *ret_claims);

int parse_answer_claims(const json_t *object, struct answer_claims *ret_claims,
			struct refusal *ret_refusal, struct fault *fault) MUST_CHECK;

/* {"type":…,"detail":…}, and back. */
json_t *new_refusal_json(const struct refusal *refusal);
int parse_refusal(const json_t *object, struct refusal *ret_refusal,
		  struct fault *fault) MUST_CHECK;

#endif
