#include "common/net/connection.h"

#include "tests/support/expect.h"
#include "tests/support/raw_socket.h"
#include "tests/unit/net/serve.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PACE_MS = 100, MOST_OCTETS = 200 };

#define FOREVER                                                                                    \
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

/*
 * Sends first, then an octet of `drop` every tenth of a second, so that the connection is never
 * idle, until the server ends it. The number of octets dripped.
 */
static unsigned int drip(int connection, const char *first, const char *drop)
{
	struct pollfd readable = {.fd = connection, .events = POLLIN};
	unsigned int dripped = 0;

	cr_assert(say_raw(connection, first));
	while (dripped < MOST_OCTETS && poll(&readable, 1, PACE_MS) == 0 &&
	       send_raw(connection,
			(struct bytes){(const uint8_t *)drop + dripped % strlen(drop), 1}))
		dripped++;
	return dripped;
}

/* catalogue 83: one octet now and then does not hold a connection */
Test(connection, ends_requests_that_drip)
{
	static const struct {
		const char *first;
		const char *drop;
		unsigned int status; /* 0: closed without an answer */
	} rows[] = {
		{"", "GET /" FOREVER, 0},
		{"GET /health HTTP/1.1\r\nHost: a\r\nX: ", FOREVER, 408},
		{"GET /health HTTP/1.1\r\nHost: a\r\n", "X: y\r\n", 408},
		{"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
		 "Content-Length: 900\r\n\r\n",
		 FOREVER, 408},
	};
	struct service_under_test service = {.settings = {.request_timeout_s = 1}};

	start_service(&service);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer answer = {0};
		int connection = connect_raw(&service.endpoint);

		cr_expect_lt(drip(connection, rows[i].first, rows[i].drop), MOST_OCTETS, "row %zu",
			     i);
		cr_expect(receive_raw(connection, &answer), "row %zu", i);
		(void)close(connection);
		cr_expect_eq(status_of(&answer), rows[i].status, "row %zu: %s", i, answer.data);
	}
	cr_expect(await_log(&service, "POST /echo 408 the request did not arrive in time\n"));
	stop_service(&service);
}

/* catalogue 83: a client that does not read (slow read) does not hold one either */
Test(connection, ends_answers_that_are_not_read)
{
	struct service_under_test service = {.settings = {.request_timeout_s = 1}};
	const int small = 2048;
	CLEANUP(clear_buffer) struct buffer answer = {0};
	int connection;

	start_service(&service);
	connection = connect_raw(&service.endpoint);
	(void)setsockopt(connection, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (unsigned int i = 0; i < 16; i++)
		cr_assert(say_raw(connection, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n"));
	cr_expect(await_log(&service, "GET /large 200 the client did not read the answer in time"));
	cr_expect(receive_raw(connection, &answer));
	(void)close(connection);
	stop_service(&service);
}

/* A CRL may be long, and the client's line slow. */
Test(connection, gives_long_answers_more_time)
{
	enum { ANSWERS = 12, PAUSE_MS = 2000 };
	struct service_under_test service = {.settings = {.request_timeout_s = 1}};
	const int small = 65536;
	CLEANUP(clear_buffer) struct buffer answer = {0};
	int connection;

	start_service(&service);
	connection = connect_raw(&service.endpoint);
	(void)setsockopt(connection, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (unsigned int i = 0; i < ANSWERS; i++)
		cr_assert(say_raw(connection, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n"));
	(void)poll(NULL, 0, PAUSE_MS);
	cr_expect(receive_raw(connection, &answer));
	(void)close(connection);
	stop_service(&service);
	cr_expect_gt(answer.len, (size_t)ANSWERS * LARGE_MAX);
}

/* A connection that has had an answer: on a busy machine the server may have ended those before it,
   whose requests were late. */
static int connect_used(const struct service_under_test *service)
{
	enum { TRIES = 100 };

	for (unsigned int i = 0; i < TRIES; i++) {
		CLEANUP(clear_buffer) struct buffer answer = {0};
		int connection = connect_raw(&service->endpoint);

		if (say_raw(connection, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n") &&
		    receive_answer(connection, &answer) && status_of(&answer) == 200)
			return connection;
		(void)close(connection);
	}
	cr_assert_fail("no request is answered");
	return -1;
}

Test(connection, ends_idle_connections_without_a_word)
{
	struct service_under_test service = {.settings = {.request_timeout_s = 1}};
	CLEANUP(clear_buffer) struct buffer rest = {0};
	int fresh;
	int used;

	start_service(&service);
	fresh = connect_raw(&service.endpoint);
	used = connect_used(&service);
	cr_expect(receive_raw(fresh, &rest));
	cr_expect(receive_raw(used, &rest));
	cr_expect_eq(rest.len, 0);
	(void)close(fresh);
	(void)close(used);
	stop_service(&service);
}

/* Waits until the work for the connection's request has begun; false: it was answered before. */
static bool await_work(struct service_under_test *service, struct pollfd *readable)
{
	unsigned int waiting;

	do {
		pthread_mutex_lock(&service->lock);
		waiting = service->waiting;
		pthread_mutex_unlock(&service->lock);
	} while (waiting == 0 && poll(readable, 1, 10) == 0);
	return waiting > 0;
}

Test(connection, gives_work_the_time_it_needs)
{
	enum { TRIES = 20 }; /* a busy machine may send a request too late */
	struct service_under_test service = {.settings = {.request_timeout_s = 1}};
	CLEANUP(clear_buffer) struct buffer answer = {0};
	struct pollfd readable = {.fd = -1, .events = POLLIN};
	bool begun = false;

	start_service(&service);
	for (unsigned int i = 0; i < TRIES && !begun; i++) {
		if (readable.fd >= 0)
			(void)close(readable.fd);
		readable.fd = connect_raw(&service.endpoint);
		(void)say_raw(readable.fd,
			      "POST /long HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
			      "Content-Length: 4\r\n\r\nlong");
		begun = await_work(&service, &readable);
	}
	cr_assert(begun);
	cr_expect_eq(poll(&readable, 1, 1500), 0);
	open_gate(&service);
	cr_assert(receive_answer(readable.fd, &answer));
	cr_expect_eq(status_of(&answer), 200);
	(void)close(readable.fd);
	stop_service(&service);
}

/* A connection that ended before the server looks at it; `said` is not a whole request. */
static void say_and_leave(const struct service_under_test *service, const char *said)
{
	int connection = connect_raw(&service->endpoint);

	cr_assert(say_raw(connection, said));
	(void)close(connection);
}

/* catalogue 112: else they take the places of others until their time-outs */
Test(connection, notices_that_a_client_has_gone_with_its_request_unfinished)
{
	static const char *const rows[] = {"", "GET /heal", "GET /health HTTP/1.1\r\nHost: a\r\n"};
	struct service_under_test service = {
		.settings = {.most_connections = 1, .patience_ms = 30000}};
	unsigned int waited = 0;
	int busy;

	start_service(&service);
	busy = connect_raw(&service.endpoint);
	cr_assert(say_raw(busy, "POST /long HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
				"Content-Length: 1\r\n\r\nx"));
	await_waiting(&service, 1);
	/* They are accepted when the busy one has gone. */
	for (size_t row = 0; row < COUNT_OF(rows); row++)
		say_and_leave(&service, rows[row]);
	open_gate(&service);
	(void)close(busy);
	while (count_http_connections(service.server).open > 0 && waited++ < 1000)
		(void)poll(NULL, 0, 20);
	cr_expect_eq(count_http_connections(service.server).open, 0);
	stop_service(&service);
}

/* catalogue 112: whoever connects has to begin a request soon */
Test(connection, ends_connections_that_say_nothing_early)
{
	struct service_under_test service = {.settings = {.patience_ms = 200}};
	CLEANUP(clear_buffer) struct buffer answer = {0};
	CLEANUP(clear_buffer) struct buffer nothing = {0};
	int silent;
	int used;

	start_service(&service);
	used = connect_used(&service);
	silent = connect_raw(&service.endpoint);
	cr_expect(receive_raw(silent, &nothing));
	cr_expect_eq(nothing.len, 0);
	/* Who has begun one may be idle for as long as ever. */
	cr_assert(say_raw(used, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"));
	cr_assert(receive_answer(used, &answer));
	cr_expect_eq(status_of(&answer), 200);
	(void)close(silent);
	(void)close(used);
	stop_service(&service);
}

/* catalogue 113: a reader that reads nothing is ended long before the deadline of a long answer */
Test(connection, ends_readers_that_do_not_go_on)
{
	enum { TRIES = 5 }; /* a busy machine may send a request too late */
	struct service_under_test service = {.settings = {.patience_ms = 300}};
	const int small = 2048;
	bool ended = false;

	start_service(&service);
	for (unsigned int i = 0; i < TRIES && !ended; i++) {
		int connection = connect_raw(&service.endpoint);

		(void)setsockopt(connection, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
		ended = say_raw(connection, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n") &&
			await_log(&service,
				  "GET /large 200 the client did not read the answer in time");
		(void)close(connection);
	}
	cr_expect(ended);
	stop_service(&service);
}

/* catalogue 113 */
Test(connection, ends_readers_of_a_withdrawn_body)
{
	struct service_under_test service = {0};
	CLEANUP(release_shared_body) struct shared_body *body = NULL;
	CLEANUP(clear_buffer) struct buffer content = {0};
	const int small = 2048;
	int connection;

	cr_assert_not_null(extend_buffer(&content, LARGE_MAX));
	memset(content.data, 'x', LARGE_MAX);
	OK(new_shared_body(&content, &body, &fault));
	start_service(&service);
	release_shared_body(&service.shared);
	service.shared = hold_shared_body(body);
	connection = connect_raw(&service.endpoint);
	(void)setsockopt(connection, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	cr_assert(say_raw(connection, "GET /shared HTTP/1.1\r\nHost: a\r\n\r\n"));
	withdraw_shared_body(body);
	cr_expect(await_log(&service, "GET /shared 200 the client did not read the answer in "
				      "time"));
	(void)close(connection);
	stop_service(&service);
}
