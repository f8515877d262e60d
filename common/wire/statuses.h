#ifndef CERTPOOL_WIRE_STATUSES_H
#define CERTPOOL_WIRE_STATUSES_H

#include "common/base/endpoint.h"
#include "common/wire/claims.h"
#include "common/x509/serial.h"

/* A client's question which of its own certificates are revoked, and the CA's answer. */

#define STATUSES_PATH "/v1/statuses"
#define STATUSES_TYPE "certpool.statuses"
#define STATUSES_ANSWER_TYPE "certpool.statuses.answer"

enum {
	STATUSES_MAX = 1000, /* serials in one request */
	STATUSES_REQUEST_MAX = 256 * 1024,
	STATUSES_ANSWER_MAX = 1024 * 1024,
};

struct statuses_request {
	struct request_claims claims;
	uint8_t (*serials)[SERIAL_MAX]; /* all different */
	size_t serial_count;            /* 1 … STATUSES_MAX */
};

struct revoked_serial {
	uint8_t serial[SERIAL_MAX];
	int64_t revoked_at_s;
	int reason; /* of common/x509/revocation/crl_reason.h */
};

/* The certificates of the question that the answer does not name are the client's, and not revoked.
 */
struct statuses_answer {
	struct answer_claims claims;
	struct refusal refusal; /* when set, the rest is empty */
	struct revoked_serial *revoked;
	size_t revoked_count;
	uint8_t (*unknown)[SERIAL_MAX]; /* the record has no such certificate of the client */
	size_t unknown_count;
	struct endpoint endpoint; /* where clients reach the CA; an empty host: it is not said */
};

int format_statuses_request(const struct statuses_request *request, struct secret *ret_json,
			    struct fault *fault) MUST_CHECK;

/*
 * Errors: FAULT_MALFORMED for unknown, missing or duplicate members, for text that is no serial, a
 * serial twice; FAULT_TOO_LARGE for more than STATUSES_MAX. On failure ret_claims->jti is filled if
 * it could be read, so that the refusal can name the request.
 */
int parse_statuses_request(struct bytes json, struct statuses_request *ret_request,
			   struct request_claims *ret_claims, struct fault *fault) MUST_CHECK;
void clear_statuses_request(struct statuses_request *request);

int format_statuses_answer(const struct statuses_answer *answer, struct secret *ret_json,
			   struct fault *fault) MUST_CHECK;
int parse_statuses_answer(struct bytes json, struct statuses_answer *ret_answer,
			  struct fault *fault) MUST_CHECK;
void clear_statuses_answer(struct statuses_answer *answer);

#endif
