#ifndef CERTPOOL_WIRE_STATUS_H
#define CERTPOOL_WIRE_STATUS_H

#include "common/wire/claims.h"

/* A question about the status of one certificate, and the CA's answer. */

#define STATUS_PATH "/v1/status"
#define STATUS_TYPE "certpool.status"
#define STATUS_ANSWER_TYPE "certpool.status.answer"

enum { STATUS_REQUEST_MAX = 64 * 1024, STATUS_ANSWER_MAX = 16 * 1024 };

enum status_value {
	STATUS_GOOD,
	STATUS_REVOKED,
	STATUS_EXPIRED,
	STATUS_UNKNOWN, /* this CA has no record of it */
	STATUS_COUNT,
};

/* "good", … */
const char *format_status(enum status_value status);

struct status_request {
	struct request_claims claims;
	struct buffer certificate; /* PEM */
};

struct status_answer {
	struct answer_claims claims;
	struct refusal refusal; /* when set, the rest is empty */
	enum status_value status;
	char serial[41];      /* lower-case hex; "" for STATUS_UNKNOWN */
	int64_t revoked_at_s; /* for STATUS_REVOKED */
	char reason[32];      /* for STATUS_REVOKED, RFC 5280 section 5.3.1; else "" */
};

int format_status_request(const struct status_request *request, struct secret *ret_json,
			  struct fault *fault) MUST_CHECK;

/* FAULT_MALFORMED. On failure ret_claims->jti is filled if it could be read, so that the refusal
   can name the request. */
int parse_status_request(struct bytes json, struct status_request *ret_request,
			 struct request_claims *ret_claims, struct fault *fault) MUST_CHECK;
void clear_status_request(struct status_request *request);

int format_status_answer(const struct status_answer *answer, struct secret *ret_json,
			 struct fault *fault) MUST_CHECK;
int parse_status_answer(struct bytes json, struct status_answer *ret_answer,
			struct fault *fault) MUST_CHECK;

#endif
