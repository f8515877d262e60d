#ifndef CERTPOOL_NET_SERVER_H
#define CERTPOOL_NET_SERVER_H

#include "common/base/bytes.h"
#include "common/base/endpoint.h"
#include "common/net/shared_body.h"
#include "common/net/statistics.h"

#include <stdbool.h>

/*
 * An HTTP/1.1 server (libmicrohttpd) that knows nothing of what it carries. It bounds everything:
 * connections in all and from one address, header memory, body size per route, time per request
 * from its first octet to its last (so one octet a minute does not hold a connection), time for its
 * answer to be read (more of it for a long one), idle time, and the requests that wait for a
 * worker. Over a bound: 413, 408, or 503 with Retry-After. What is not a plain request (two
 * Content-Length, Content-Length with Transfer-Encoding, no or a wrong Host, an unknown method) is
 * answered 400 and the connection closed.
 *
 * Every refusal is application/problem+json (RFC 9457): {"type","title","status","detail"}, except
 * where libmicrohttpd refuses by itself what it cannot parse, or a head over its memory: then it is
 * a page of HTML, or the connection is closed at once. Over a bound on connections there is no
 * answer: they are not accepted, or closed.
 *
 * A connection without a request counts as one that is late: between requests it is kept for
 * request_timeout_s. Nothing here raises SIGPIPE.
 */

struct http_request {
	const char *method;       /* "GET", "POST" */
	const char *path;         /* as it was sent, without the query */
	const char *content_type; /* media type in lower case without parameters; "" when absent */
	struct bytes body;
};

/* What is said of how long an answer may be kept (RFC 9111). Zero-initialised says nothing. */
struct http_caching {
	int64_t now_s;           /* the clock by which the others were chosen */
	int64_t last_modified_s; /* 0: not said */
	int64_t expires_s;       /* 0: not said */
	char etag[72];           /* without quotes; who has the same is told so (304); "": none */
};

struct http_response {
	unsigned int status;      /* 200 unless the handler says otherwise */
	const char *content_type; /* static */
	struct buffer body;
	struct shared_body *shared; /* in place of body; held for this answer */
	struct http_caching caching;
};

/*
 * Answers a request. 0 with *response filled, or -1 with a fault, which the server answers by
 * its class (http_status). The detail is the fault's text, except for FAULT_UNDECRYPTABLE and
 * FAULT_FAILED, whose text goes to the log alone: the first always answers the same octets.
 * Called from several threads at once.
 */
typedef int http_handler(const struct http_request *request, struct http_response *response,
			 void *context, struct fault *fault);

struct http_route {
	const char *method;
	const char *path;         /* one that ends in '/' has everything below it */
	const char *content_type; /* what a POST must carry, else 415; NULL for GET */
	size_t body_max;          /* octets; more: 413 */
	http_handler *handler;
	/*
	 * Long work is done by workers, of which there are as many as cores, so that it never keeps
	 * the server's own threads from answering the rest; the others are answered by those at
	 * once.
	 */
	bool long_work;
};

/*
 * Told of every request that was refused or failed, from several threads at once. Of what
 * libmicrohttpd says by itself, method and path are "" and the status is 0. No control characters
 * are in any of it.
 */
typedef void http_log(void *context, const char *method, const char *path, unsigned int status,
		      const char *text);

struct http_server_settings {
	struct endpoint endpoint;        /* port 0: any free one */
	const struct http_route *routes; /* static; ends with a row whose path is NULL */
	void *context;                   /* for the handlers */
	http_log *log;                   /* may be NULL */
	void *log_context;
	unsigned int most_connections;  /* 0: 1024, or half the descriptors there may be */
	unsigned int most_per_address;  /* 0: 256 */
	unsigned int request_timeout_s; /* 0: 30 */
	unsigned int most_pending;      /* long work that may wait; 0: 64 */
	size_t most_body_octets;        /* of all requests at any time; 0: 256 MiB */
};

struct http_server;

/*
 * Binds and serves until stopped. FAULT_BUSY-class text when the address is taken says so.
 * `settings` is copied; what it points to must outlive the server.
 */
int start_http_server(const struct http_server_settings *settings, struct http_server **ret_server,
		      struct fault *fault) MUST_CHECK;

/* Where it listens, with the port it got. */
const struct endpoint *http_server_endpoint(const struct http_server *server);

/* Connections that are open now. */
size_t count_http_connections(struct http_server *server);

/* What it did (statistics.h). */
size_t copy_http_statistics(struct http_server *server, struct route_statistics *ret_rows,
			    size_t most);

/* Accepts nothing new, finishes what is being answered, then frees. */
void stop_http_server(struct http_server **server);

#endif
