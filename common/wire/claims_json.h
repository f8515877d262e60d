#ifndef CERTPOOL_WIRE_CLAIMS_JSON_H
#define CERTPOOL_WIRE_CLAIMS_JSON_H

#include "common/wire/claims.h"
#include "common/wire/json.h"

/* Claims and refusals as members of a plaintext. For the files of this folder only. */

/* Rows for check_members: the claims, to be put among the rules of a plaintext. */
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

/* The same for an answer; a refusal becomes its member "error". */
json_t *new_answer_json(const struct answer_claims *claims, const struct refusal *refusal,
			struct fault *fault);

/* Reads the claims of an object that passed check_members. FAULT_MALFORMED for a value. */
int parse_request_claims(const json_t *object, struct request_claims *ret_claims,
			 struct fault *fault) MUST_CHECK;

/* As parse_json_object. Fills the jti alone, if it is valid, so that the answer names the request
   even if the rest of it cannot be read. */
int parse_request_object(struct bytes json, const char *name, json_t **ret_object,
			 struct request_claims *ret_claims, struct fault *fault) MUST_CHECK;

/* As parse_request_claims; *ret_refusal is empty when the answer has no "error". */
int parse_answer_claims(const json_t *object, struct answer_claims *ret_claims,
			struct refusal *ret_refusal, struct fault *fault) MUST_CHECK;

/* {"type":…,"detail":…}. NULL: out of memory. */
json_t *new_refusal_json(const struct refusal *refusal);

/* FAULT_MALFORMED for unknown or missing members, and for an empty type. */
int parse_refusal(const json_t *object, struct refusal *ret_refusal,
		  struct fault *fault) MUST_CHECK;

#endif
