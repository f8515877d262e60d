#ifndef CERTPOOL_WIRE_KEY_EXCHANGE_H
#define CERTPOOL_WIRE_KEY_EXCHANGE_H

#include "common/crypto/shared_key.h"
#include "common/wire/claims.h"

/*
 * The rotation of a shared key: a question whether the key under which it is encrypted has a
 * successor, and the answer with it. The question may offer a successor instead. A question under
 * the successor says that it was taken. Key and old_ends go together:
 *
 *   {claims…,"key":{…JWK…},"old_ends":<time until which messages under the old key are taken>}
 */

#define KEY_PATH "/v1/key"
#define KEY_TYPE "certpool.key"
#define KEY_ANSWER_TYPE "certpool.key.answer"

enum { KEY_REQUEST_MAX = 16 * 1024, KEY_ANSWER_MAX = 16 * 1024 };

struct successor {
	bool present;
	struct shared_key key;
	int64_t old_ends_s;
};

struct key_request {
	struct request_claims claims;
	struct successor offer;
};

struct key_answer {
	struct answer_claims claims;
	struct refusal refusal; /* when set, there is no successor */
	struct successor successor;
};

int format_key_request(const struct key_request *request, struct secret *ret_json,
		       struct fault *fault) MUST_CHECK;

/* FAULT_MALFORMED. On failure ret_claims->jti is filled if it could be read. */
int parse_key_request(struct bytes json, struct key_request *ret_request,
		      struct request_claims *ret_claims, struct fault *fault) MUST_CHECK;

int format_key_answer(const struct key_answer *answer, struct secret *ret_json,
		      struct fault *fault) MUST_CHECK;
int parse_key_answer(struct bytes json, struct key_answer *ret_answer,
		     struct fault *fault) MUST_CHECK;

/* Wipes the keys. */
void clear_key_request(struct key_request *request);
void clear_key_answer(struct key_answer *answer);

#endif
