#ifndef CERTPOOL_NET_CLIENT_CLIENT_H
#define CERTPOOL_NET_CLIENT_CLIENT_H

#include "common/base/bytes.h"
#include "common/base/endpoint.h"

/*
 * An HTTP/1.1 client (libcurl) to one endpoint over one kept-alive connection. Follows no redirect,
 * uses no proxy (whatever the environment says), reads no .netrc, sends no cookie, speaks only
 * http, or https if the endpoint says so. For one thread at a time.
 *
 * Over https it speaks TLS 1.3, and takes a server's certificate if it has the endpoint's name or
 * address among its alternative names, is for servers (id-kp-serverAuth), is valid now, and leads
 * to one of the roots given: the system's are not trusted.
 */
struct http_client;

struct http_client_settings {
	struct endpoint endpoint;
	/* For https: the path of a PEM file with the roots, which is read for every connection, and
	   borrowed. NULL: https is refused. */
	const char *roots;
	bool unverified;         /* https with any server, for content that proves itself */
	long connect_timeout_ms; /* 0: 5,000 */
	long timeout_ms;         /* from the request to the end of the answer; 0: 60,000 */
	bool cancellable;        /* for cancel_http_client */
};

/* Does not connect yet. Owns: free_http_client. */
int new_http_client(const struct http_client_settings *settings, struct http_client **ret_client,
		    struct fault *fault) MUST_CHECK;
void free_http_client(struct http_client **client);

/*
 * Ends the exchange in progress at once, with FAULT_UNREACHABLE, and every later one. Any thread
 * may call it while another is in exchange_http.
 */
void cancel_http_client(struct http_client *client);

struct http_answer {
	unsigned int status;
	char content_type[64]; /* media type in lower case, without parameters; "": none */
	struct buffer body;
};

/*
 * Sends a request, a GET if body.data is NULL, else a POST, and receives the answer, of any status.
 * Owns: clear_http_answer.
 * Errors: FAULT_UNREACHABLE (connection refused, time-out, connection lost, not HTTP, no TLS 1.3)
 * with the URL, the failure and the remedy; FAULT_UNVERIFIED when the server's certificate is not
 * taken; FAULT_BUSY when the server closes the connection before it answers,
 * as one with too many connections does; FAULT_TOO_LARGE when the answer is over answer_max octets.
 */
int exchange_http(struct http_client *client, const char *path, const char *content_type,
		  struct bytes body, size_t answer_max, struct http_answer *ret_answer,
		  struct fault *fault) MUST_CHECK;

/*
 * Accepts only a 200 with the expected content type. Any other answer becomes a fault, whose class
 * depends on the status (class_of_http_status), and whose text has the problem detail, if any.
 */
int check_http_answer(const struct http_client *client, const char *path,
		      const struct http_answer *answer, const char *content_type,
		      struct fault *fault) MUST_CHECK;

void clear_http_answer(struct http_answer *answer);

#endif
