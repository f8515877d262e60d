#ifndef CERTPOOL_CA_ISSUE_JOIN_REQUESTS_H
#define CERTPOOL_CA_ISSUE_JOIN_REQUESTS_H

#include "common/ca/issue/certify_batch.h"

/*
 * Single requests that arrive together share a batch, and so one order to the signer and one
 * transaction of the record: while a batch of their client is under way they wait, and the next
 * batch has all of them. A request that finds none under way does not wait for others. Safe for
 * several threads, each of which waits for its own certificate.
 */
struct joined_requests;

int new_joined_requests(struct authority *authority, struct joined_requests **ret_joined,
			struct fault *fault) MUST_CHECK;

/* Nobody waits any more. Accepts NULL. */
void free_joined_requests(struct joined_requests **joined);

/* One request of an authenticated client. */
struct single_request {
	const char *client;
	struct batch_manner manner;
	int64_t now_s;
	struct bytes pem;               /* the certificate request */
	uint8_t key_sha256[SHA256_LEN]; /* of its public key */
};

/* A certificate, DER, or why there is none. */
struct single_answer {
	struct buffer certificate;
	struct refusal refusal;
};

void clear_single_answer(struct single_answer *answer);

/* Errors: those of certify_batch. */
int certify_joined(struct joined_requests *joined, const struct single_request *request,
		   struct single_answer *ret_answer, struct fault *fault) MUST_CHECK;

#endif
