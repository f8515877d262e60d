#ifndef CERTPOOL_NET_SERVER_H
#define CERTPOOL_NET_SERVER_H

#include "common/base/bytes.h"
#include "common/base/endpoint.h"
#include "common/base/name.h"
#include "common/net/connection.h"
#include "common/net/shared_body.h"
#include "common/net/statistics.h"
#include "common/net/tls_identity.h"

#include <stdbool.h>

/*
 * An HTTP/1.1 server (libmicrohttpd), independent of the content of its messages. It bounds
 * everything: connections in all and from one origin (origin.h), header memory, body size per route
 * and of all requests together (body_budget.h), time per request from its first octet to its last
 * (so one octet a minute does not hold a connection), time until the client has read the answer
 * (more for a long answer, of which it must read a part every few seconds), what the kernel keeps
 * of an answer, idle time, and the requests that wait for a worker. Over a bound the answer is 413,
 * 408, or 503 with Retry-After. An ambiguous request (request_head.h) is answered 400, one with a
 * Transfer-Encoding 411, and its connection closed.
 *
 * Every refusal is application/problem+json (RFC 9457): {"type","title","status","detail"}, except
 * that libmicrohttpd itself refuses a request that it cannot parse, or a head over its memory, with
 * a page of HTML or by closing the connection. A connection without a place gets a 503, as far as
 * it can be sent, and is closed.
 *
 * An idle connection is kept for request_timeout_s. No function here raises SIGPIPE.
 *
 * At an https endpoint it speaks TLS (tls_connection.h), within the same bounds: a handshake counts
 * as the time before a connection's first request. There a connection over a bound is closed
 * without an answer.
 */

struct http_request {
	const char *method;        /* "GET", "POST" */
	const char *path;          /* as sent, without the query */
	const char *query;         /* what followed the "?"; "": none */
	const char *host;          /* the field of that name: HOST or HOST:PORT */
	const char *content_type;  /* media type in lower case without parameters; "": none */
	const char *authorization; /* the field of that name; "": none */
	struct bytes body;
	const char *origin; /* of the connection (origin.h) */
	bool secure;        /* over TLS */
	/* The certificate with which the client took part in the TLS handshake, and its chain, in
	   DER. The client has the key; nothing else was checked. */
	const struct bytes *peer;
	size_t peer_count; /* 0: it showed none */
	bool head;         /* a HEAD, whose answer is sent without its body */
};

enum { TLS_PEER_MAX = 4 };

/* How long clients may cache an answer (RFC 9111). Zero-initialised: no statement. */
struct http_caching {
	int64_t now_s;           /* the clock to which the other times refer */
	int64_t last_modified_s; /* 0: not said */
	int64_t expires_s;       /* 0: not said */
	char etag[80];           /* without quotes; a client that has the same gets 304; "": none */
};

/* A field of an answer's head, beside those that the server writes itself. */
enum { HTTP_FIELDS_MAX = 6 };

struct http_field {
	const char *name; /* static */
	struct buffer value;
};

struct http_response {
	unsigned int status;      /* initially 200 */
	const char *content_type; /* static */
	struct buffer body;
	struct shared_body
		*shared; /* instead of body; one reference, which the answer takes over */
	struct http_caching caching;
	struct http_field fields[HTTP_FIELDS_MAX];
	size_t field_count;
	struct buffer reason; /* why the status is an error, for the log; empty: the body has it */
};

/* Adds a field with a value of printable ASCII. Without memory, or beyond HTTP_FIELDS_MAX, the
   response's body has failed. */
void add_response_field(struct http_response *response, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Answers a request. 0 with *response filled, or -1 with a fault, whose class gives the status
 * (http_status) and whose text is the detail. The texts of FAULT_UNDECRYPTABLE and FAULT_FAILED go
 * only to the log: every FAULT_UNDECRYPTABLE is answered with the same octets.
 * Called from several threads at once.
 */
typedef int http_handler(const struct http_request *request, struct http_response *response,
			 void *context, struct fault *fault);

/*
 * Looks at the beginning of a body, its first HTTP_START_MAX octets or all of it, before more of it
 * is received, and says who sends it: a name, whose requests share one turn among those that wait
 * for a worker, or "". `context` is the handlers'. -1 refuses the request like a handler's fault.
 * Called from several threads at once, in the server's own threads: it must be quick.
 *
 * Where lookups wait, who sends it may have to be looked up: then *ret_unknown becomes true, and
 * the function is called again in a thread for this, with may_wait. Until then nothing more of the
 * body is received.
 */
enum { HTTP_START_MAX = 1024, HTTP_CLIENT_SIZE = NAME_SIZE };
typedef int http_check_start(struct bytes start, bool may_wait, void *context,
			     char ret_client[static HTTP_CLIENT_SIZE], bool *ret_unknown,
			     struct fault *fault);

/* Who is served beside TLS. A server without https endpoints, perhaps behind a proxy that has one,
   serves all but ROUTE_SECURE to everybody. */
enum route_access {
	ROUTE_PRIVATE, /* of a server with https endpoints: over TLS alone */
	ROUTE_PUBLIC,  /* everybody */
	ROUTE_SECURE,  /* over TLS alone, of any server */
};

/*
 * Long work runs in workers, as many as cores, so that the server's own threads remain free for
 * other requests. The requests that wait for one take turns by client and origin, in proportion to
 * the size of their bodies; a GET's work has workers of its own and never waits behind a POST's. A
 * handler without long work runs in the server's threads. Handlers that wait for each other, to
 * share what takes long (a transaction), have JOINT_WORKERS of their own; one that does so where
 * requests are gathered, and else has long work, shares these there. A handler that looks
 * something up is short where lookups do not wait, as in a file; where they do, as in a database
 * of another host, it has LOOKUP_WORKERS of its own.
 */
enum handler_work { WORK_SHORT, WORK_LONG, WORK_GATHERED, WORK_JOINT, WORK_LOOKUP };
enum { JOINT_WORKERS = 16, LOOKUP_WORKERS = 8 };

struct http_route {
	const char *method;
	const char *path;         /* a path that ends in '/' stands for all paths below it */
	const char *content_type; /* of a POST, else 415; NULL for GET */
	size_t body_max;          /* in octets; over it 413 */
	http_handler *handler;
	enum handler_work work;
	/* NULL: the sender is not looked at. Nor is he if the whole body is there before the first
	   look, and the handler, which will look at it anyway, has no long work. */
	http_check_start *check_start;
	enum route_access access;
};

/*
 * Called for every refused or failed request, from several threads at once. For libmicrohttpd's own
 * messages, method and path are "" and the status is 0. The texts have no control characters.
 */
typedef void http_log(void *context, const char *method, const char *path, unsigned int status,
		      const char *text);

/*
 * Adds fields to a refusal of the server itself (400 and 411 of a head, 413, 415, 503 of a full
 * queue, a handler's fault) to a request by the route, as add_response_field. Not called where no
 * route has the path and the method, nor for what is refused within a body. Called from several
 * threads at once: it must be quick.
 */
typedef void http_refusal_fields(const struct http_route *route, struct http_response *response,
				 void *context);

/*
 * Whether the handler of a lookup would find at hand what it looks up, and wait for nothing: then
 * it runs in the server's threads also where lookups wait. Called from several threads at once: it
 * must be quick.
 */
typedef bool http_at_hand(const struct http_route *route, const char *path, struct bytes body,
			  void *context);

struct http_server_settings {
	struct endpoint_list listen;     /* at least one; port 0: any free port */
	struct tls_slot *tls;            /* for https endpoints; outlives the server */
	bool allow_tls_1_2;              /* besides TLS 1.3 */
	const struct http_route *routes; /* static; ends with a row whose path is NULL */
	bool lookups_wait;               /* see WORK_LOOKUP and http_check_start */
	bool gathers;                    /* see WORK_GATHERED: it is WORK_JOINT */
	http_at_hand *at_hand;           /* where they do; may be NULL */
	void *at_hand_context;
	void *context; /* for the handlers */
	http_log *log; /* may be NULL */
	void *log_context;
	http_refusal_fields *refusal_fields; /* may be NULL */
	void *refusal_context;
	unsigned int most_connections;  /* 0: 1024, or half of RLIMIT_NOFILE */
	unsigned int most_per_address;  /* in fact per origin (origin.h); 0: 256 */
	unsigned int request_timeout_s; /* 0: 30 */
	unsigned int patience_ms;       /* struct connection_limits; 0: 5,000 */
	unsigned int most_pending;      /* bound on waiting long work; 0: 1024 */
	unsigned int most_of_client;    /* the same, of one client at one origin; 0: 32 */
	size_t most_body_octets;        /* of all requests in progress; 0: 256 MiB */
};

struct http_server;

/*
 * Starts a server. `settings` is copied; the objects to which it points must outlive the server.
 * Owns: stop_http_server. Errors: FAULT_BUSY when the address is in use.
 */
int start_http_server(const struct http_server_settings *settings, struct http_server **ret_server,
		      struct fault *fault) MUST_CHECK;

/* Where it listens, with the actual ports. */
const struct endpoint_list *http_server_endpoints(const struct http_server *server);

struct connection_counts count_http_connections(struct http_server *server);

/* Handshakes so far. */
struct tls_counts {
	uint64_t full;
	uint64_t resumed; /* by a session ticket */
	uint64_t failed;  /* refused, or ended by the client before they were complete */
};

struct tls_counts count_tls_handshakes(const struct http_server *server);

/* The server's counters, as copy_route_counters (statistics.h). */
size_t copy_http_statistics(struct http_server *server, struct route_statistics *ret_rows,
			    size_t most);

/* Accepts no new request, finishes the requests in work, then frees the server. Accepts NULL. */
void stop_http_server(struct http_server **server);

#endif
