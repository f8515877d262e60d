#ifndef CERTPOOL_WIRE_REVOCATION_H
#define CERTPOOL_WIRE_REVOCATION_H

#include "common/wire/claims.h"
#include "common/x509/certificate.h"

/* A request of a client to revoke certificates of its own, and the CA's answer. */

#define REVOCATIONS_PATH "/v1/revocations"
#define REVOCATIONS_TYPE "certpool.revocations"
#define REVOCATIONS_ANSWER_TYPE "certpool.revocations.answer"

enum {
	REVOCATIONS_MAX = 1000, /* serials in one request */
	REVOCATIONS_REQUEST_MAX = 256 * 1024,
	REVOCATIONS_ANSWER_MAX = 1024 * 1024,
};

struct revocation_request {
	struct request_claims claims;
	uint8_t (*serials)[SERIAL_MAX]; /* all different */
	size_t serial_count;            /* 1 … REVOCATIONS_MAX */
	int reason;                     /* of common/x509/revocation/crl_reason.h */
};

/* A certificate that is revoked now. */
struct revoked_member {
	uint8_t serial[SERIAL_MAX];
	char member[NAME_SIZE];
	int64_t revoked_at_s;
	int reason;
	bool already; /* it was revoked before: time and reason are those of then */
};

/* Either the whole request is refused, or every certificate that it names is revoked. */
struct revocation_answer {
	struct answer_claims claims;
	struct refusal refusal;
	struct revoked_member *revoked;
	size_t revoked_count;
	uint64_t crl_number; /* of the first CRL that is sure to list them; 0: not said */
};

int format_revocation_request(const struct revocation_request *request, struct secret *ret_json,
			      struct fault *fault) MUST_CHECK;

/*
 * Errors: FAULT_MALFORMED for unknown, missing or duplicate members, for text that is no serial, a
 * serial twice, an unknown reason; FAULT_TOO_LARGE for more than REVOCATIONS_MAX. On failure
 * ret_claims->jti is filled if it could be read, so that the refusal can name the request.
 */
int parse_revocation_request(struct bytes json, struct revocation_request *ret_request,
			     struct request_claims *ret_claims, struct fault *fault) MUST_CHECK;
void clear_revocation_request(struct revocation_request *request);

int format_revocation_answer(const struct revocation_answer *answer, struct secret *ret_json,
			     struct fault *fault) MUST_CHECK;
int parse_revocation_answer(struct bytes json, struct revocation_answer *ret_answer,
			    struct fault *fault) MUST_CHECK;
void clear_revocation_answer(struct revocation_answer *answer);

#endif
