#ifndef CERTPOOL_NET_CLIENT_H
#define CERTPOOL_NET_CLIENT_H

#include "common/base/bytes.h"
#include "common/base/endpoint.h"

/*
 * An HTTP/1.1 client (libcurl) to one endpoint over one kept-alive connection. Follows no redirect,
 * uses no proxy (whatever the environment says), reads no .netrc, sends no cookie, speaks nothing
 * but http. For one thread at a time.
 */
struct http_client;

struct http_client_settings {
	struct endpoint endpoint;
	long connect_timeout_ms; /* 0: 5,000 */
	long timeout_ms;         /* a whole exchange; 0: 60,000 */
};

int new_http_client(const struct http_client_settings *settings, struct http_client **ret_client,
		    struct fault *fault) MUST_CHECK;
void free_http_client(struct http_client **client);

struct http_answer {
	unsigned int status;
	char content_type[64]; /* media type in lower case without parameters */
	struct buffer body;
};

/*
 * One exchange; body.data NULL is a GET. Any HTTP status is a success here.
 * Errors: FAULT_UNREACHABLE (nobody listens, time-out, connection lost, not HTTP) with the URL,
 * what happened and what to do; FAULT_TOO_LARGE when the answer is over answer_max octets.
 */
int exchange_http(struct http_client *client, const char *path, const char *content_type,
		  struct bytes body, size_t answer_max, struct http_answer *ret_answer,
		  struct fault *fault) MUST_CHECK;

/*
 * Turns an answer that is not 200 with the content type expected into a fault: its problem detail
 * (application/problem+json) when it has one, by the status: 413 FAULT_TOO_LARGE, 503 and 429
 * FAULT_BUSY, 401, 403 and 400 FAULT_REFUSED, 404 FAULT_NOT_FOUND, others FAULT_UNREACHABLE.
 */
int check_http_answer(const struct http_client *client, const char *path,
		      const struct http_answer *answer, const char *content_type,
		      struct fault *fault) MUST_CHECK;

void clear_http_answer(struct http_answer *answer);

#endif
