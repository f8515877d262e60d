#ifndef CERTPOOL_WIRE_CERTIFICATES_H
#define CERTPOOL_WIRE_CERTIFICATES_H

#include "common/crypto/signed_message.h"
#include "common/layout/pool_windows.h"
#include "common/wire/claims.h"
#include "common/x509/intermediates.h"

/* A request for certificates of a pool's members, and the CA's answer. */

#define CERTIFICATES_PATH "/v1/certificates"
#define CERTIFICATES_TYPE "certpool.certificates"
#define CERTIFICATES_ANSWER_TYPE "certpool.certificates.answer"

enum {
	CERTIFICATES_REQUEST_MAX = 16 * 1024 * 1024, /* octets of the JWE */
	CERTIFICATES_ANSWER_MAX = 16 * 1024 * 1024,
	ANSWER_CHAIN_MAX = INTERMEDIATES_MAX,
};

/* A member's name and its PEM: a certificate request, or a certificate. */
struct member_pem {
	char name[NAME_SIZE];
	struct buffer pem;
};

struct certificates_request {
	struct request_claims claims;
	struct member_pem *members;
	size_t count; /* 1 … BATCH_SIZE_MAX */
	/* The validity that all of its certificates are to have; end_s 0: the CA chooses it. */
	struct window window;
};

struct member_refusal {
	char name[NAME_SIZE];
	struct refusal refusal;
};

/*
 * Either the whole request is refused, or each member has a certificate or a refusal. The chain
 * holds the certificates between the members' and the root, each path's in its order; it is empty
 * when the root itself issues. Mostly all members have the same issuer.
 */
struct certificates_answer {
	struct answer_claims claims;
	struct refusal refusal; /* of the whole request */
	struct member_pem *certificates;
	size_t certificate_count;
	struct member_refusal *refusals;
	size_t refusal_count;
	struct buffer chain[ANSWER_CHAIN_MAX]; /* PEM */
	size_t chain_count;
};

int format_certificates_request(const struct certificates_request *request, struct secret *ret_json,
				struct fault *fault) MUST_CHECK;

/*
 * Errors: FAULT_MALFORMED for unknown, missing or duplicate members, for a name that is no
 * valid_name, for no request at all, for one end of a window alone; FAULT_TOO_LARGE for more than
 * BATCH_SIZE_MAX. On failure ret_claims->jti is filled if it could be read, so that the refusal can
 * name the request.
 */
int parse_certificates_request(struct bytes json, struct certificates_request *ret_request,
			       struct request_claims *ret_claims, struct fault *fault) MUST_CHECK;
void clear_certificates_request(struct certificates_request *request);

int format_certificates_answer(const struct certificates_answer *answer, struct secret *ret_json,
			       struct fault *fault) MUST_CHECK;

/* The same errors. Owns: clear_certificates_answer. */
int parse_certificates_answer(struct bytes json, struct certificates_answer *ret_answer,
			      struct fault *fault) MUST_CHECK;
void clear_certificates_answer(struct certificates_answer *answer);

#endif
