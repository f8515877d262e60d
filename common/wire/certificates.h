#ifndef CERTPOOL_WIRE_CERTIFICATES_H
#define CERTPOOL_WIRE_CERTIFICATES_H

#include "common/crypto/signed_message.h"
#include "common/wire/claims.h"

/* Part 1: a pool's requests to the CA, and its certificates back. */

#define CERTIFICATES_PATH "/v1/certificates"
#define CERTIFICATES_TYPE "certpool.certificates"
#define CERTIFICATES_ANSWER_TYPE "certpool.certificates.answer"

enum {
	CERTIFICATES_REQUEST_MAX = 16 * 1024 * 1024, /* octets of the JWE */
	CERTIFICATES_ANSWER_MAX = 16 * 1024 * 1024,
	ANSWER_CHAIN_MAX = CHAIN_MAX - 1, /* a member and these fit into a message's x5c */
};

/* A member and its PEM: a request, or a certificate. */
struct member_pem {
	char name[NAME_SIZE];
	struct buffer pem;
};

struct certificates_request {
	struct request_claims claims;
	struct member_pem *members;
	size_t count; /* 1 … BATCH_SIZE_MAX */
};

struct member_refusal {
	char name[NAME_SIZE];
	struct refusal refusal;
};

/*
 * Either the whole request is refused, or each member has a certificate or a refusal. The chain is
 * what lies between the certificates and the root, each followed by its issuer's; none when the CA
 * issues under its root.
 */
struct certificates_answer {
	struct answer_claims claims;
	struct refusal refusal; /* of the whole */
	struct member_pem *certificates;
	size_t certificate_count;
	struct member_refusal *refusals;
	size_t refusal_count;
	struct buffer chain[ANSWER_CHAIN_MAX]; /* PEM */
	size_t chain_count;
};

/* FAULT_MALFORMED: unknown, missing or duplicate members, names that are no valid_name, no request
   at all; FAULT_TOO_LARGE: more than BATCH_SIZE_MAX. */
int format_certificates_request(const struct certificates_request *request, struct secret *ret_json,
				struct fault *fault) MUST_CHECK;

/*
 * On failure ret_claims has still been filled as far as it could be read (jti "" when not), so that
 * the refusal can name the request.
 */
int parse_certificates_request(struct bytes json, struct certificates_request *ret_request,
			       struct request_claims *ret_claims, struct fault *fault) MUST_CHECK;
void clear_certificates_request(struct certificates_request *request);

int format_certificates_answer(const struct certificates_answer *answer, struct secret *ret_json,
			       struct fault *fault) MUST_CHECK;
int parse_certificates_answer(struct bytes json, struct certificates_answer *ret_answer,
			      struct fault *fault) MUST_CHECK;
void clear_certificates_answer(struct certificates_answer *answer);

#endif
