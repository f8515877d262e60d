#ifndef CERTPOOL_TESTS_UNIT_NET_SERVE_H
#define CERTPOOL_TESTS_UNIT_NET_SERVE_H

#include "common/net/client.h"
#include "common/net/server.h"

#include <pthread.h>

enum { BODY_MAX = 1000, LARGE_MAX = 1 << 20 };

/*
 * A server with routes that do what tests need.
 *   GET  /health      answers "well"
 *   POST /echo        text/plain up to BODY_MAX, answers the same
 *   POST /large       text/plain up to LARGE_MAX, answers the number of octets
 *   GET  /large       answers LARGE_MAX octets
 *   POST /fault       fails with the class that the body names by its number, and a text
 *   POST /long        long work: waits until the gate is open, answers the same
 *   POST /work        long work: answers the same at once
 *   GET  /below/…     answers the path
 *   GET  /shared      answers "shared", which there is once, etag "tag", good from 1000 s to 1100 s
 */
struct service_under_test {
	struct http_server_settings settings; /* endpoint and limits, as a test sets them */
	struct http_server *server;
	struct endpoint endpoint; /* where it listens */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool gate_open;
	unsigned int waiting; /* handlers of /long at the gate */
	unsigned int handled; /* handlers that ran */
	struct shared_body *shared;
	struct buffer log; /* "METHOD PATH STATUS TEXT\n" */
};

/* With settings.endpoint empty: 127.0.0.1, any port. */
void start_service(struct service_under_test *service);
void stop_service(struct service_under_test *service);

void open_gate(struct service_under_test *service);
void await_waiting(struct service_under_test *service, unsigned int count);

/* Waits until the log holds the text so often; false when it does not within ten seconds. */
bool await_logs(struct service_under_test *service, const char *text, unsigned int count);
bool await_log(struct service_under_test *service, const char *text);

struct http_client *new_test_client(const struct endpoint *endpoint);

/* A POST of text/plain, which must be answered. The status that it is answered with. */
unsigned int post_text(struct http_client *client, const char *path, const char *text,
		       struct http_answer *ret_answer);

#endif
