#ifndef CERTPOOL_TESTS_UNIT_NET_SERVE_H
#define CERTPOOL_TESTS_UNIT_NET_SERVE_H

#include "common/net/client/client.h"
#include "common/net/server.h"

#include <pthread.h>

enum { BODY_MAX = 1000, LARGE_MAX = 1 << 20 };

/*
 * A server with routes for tests.
 *   GET  /health      answers "well"
 *   POST /echo        text/plain up to BODY_MAX, answers the same
 *   POST /large       text/plain up to LARGE_MAX, answers the number of octets
 *   GET  /large       answers LARGE_MAX octets
 *   POST /fault       fails with the class that the body names by its number, and a text
 *   POST /long        long work: waits until the gate is open, answers the same
 *   POST /lookup      the same, as a lookup
 *   POST /work        long work: answers the same at once
 *   GET  /prompt      long work: answers "prompt" at once
 *   POST /checked     long work up to LARGE_MAX: as /long; the sender is the body up to its first
 *                     '.', and is looked at: who begins with "bad" is refused as
 *                     FAULT_UNDECRYPTABLE; who begins with "new" has to be looked up, which waits
 *                     until the gate is open, and may then be "newbad"
 *   GET  /below/…     answers the path
 *   GET  /shared      answers "shared" from one shared body, etag "tag", fresh from 1000 s to
 *                     1100 s; public
 *   GET  /peer        over TLS alone, long work: answers "secure, certificates: N", the client's
 *   GET  /fields      answers 404, or 200 to HEAD, with the query as Location and a Replay-Nonce,
 * and a reason; "many": with more fields than there may be
 */
struct service_under_test {
	struct http_server_settings settings; /* the test sets the endpoint and limits */
	struct http_server *server;
	struct endpoint endpoint; /* with the actual port */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool gate_open;
	unsigned int waiting; /* number of /long handlers, and looks for a sender, at the gate */
	unsigned int handled; /* number of /echo and /long answers */
	unsigned int checked; /* number of senders at whom was looked */
	size_t start_len;     /* octets shown at the last look */
	struct shared_body *shared;
	struct buffer log; /* "METHOD PATH STATUS TEXT\n" */
};

/* Without settings.listen, the server listens on 127.0.0.1 and any port. */
void start_service(struct service_under_test *service);
void stop_service(struct service_under_test *service);

void open_gate(struct service_under_test *service);
void await_waiting(struct service_under_test *service, unsigned int count);

/* Waits until the log has the text `count` times; false after a minute. */
bool await_logs(struct service_under_test *service, const char *text, unsigned int count);
bool await_log(struct service_under_test *service, const char *text);

struct http_client *new_test_client(const struct endpoint *endpoint);

/* Posts text/plain, and expects an answer. Returns its status. */
unsigned int post_text(struct http_client *client, const char *path, const char *text,
		       struct http_answer *ret_answer);

/* Likewise, again as long as the server has no room: what has ended counts until it has noticed. */
unsigned int post_when_admitted(struct http_client *client, const char *path, const char *text,
				struct http_answer *ret_answer);

#endif
