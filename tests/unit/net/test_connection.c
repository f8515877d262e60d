#include "common/net/connection.h"

#include "tests/support/expect.h"
#include "tests/support/raw_socket.h"
#include "tests/unit/net/serve.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
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

Test(connection, ends_idle_connections_without_a_word)
{
	struct service_under_test service = {.settings = {.request_timeout_s = 1}};
	CLEANUP(clear_buffer) struct buffer answer = {0};
	CLEANUP(clear_buffer) struct buffer rest = {0};
	int fresh;
	int used;

	start_service(&service);
	fresh = connect_raw(&service.endpoint);
	used = connect_raw(&service.endpoint);
	cr_assert(say_raw(used, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"));
	cr_assert(receive_answer(used, &answer));
	cr_expect_eq(status_of(&answer), 200);
	cr_expect(receive_raw(fresh, &rest));
	cr_expect(receive_raw(used, &rest));
	cr_expect_eq(rest.len, 0);
	(void)close(fresh);
	(void)close(used);
	stop_service(&service);
}

Test(connection, gives_work_the_time_it_needs)
{
	struct service_under_test service = {.settings = {.request_timeout_s = 1}};
	CLEANUP(clear_buffer) struct buffer answer = {0};
	struct pollfd readable = {.events = POLLIN};

	start_service(&service);
	readable.fd = connect_raw(&service.endpoint);
	cr_assert(say_raw(readable.fd,
			  "POST /long HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
			  "Content-Length: 4\r\n\r\nlong"));
	cr_expect_eq(poll(&readable, 1, 1500), 0);
	open_gate(&service);
	cr_assert(receive_answer(readable.fd, &answer));
	cr_expect_eq(status_of(&answer), 200);
	(void)close(readable.fd);
	stop_service(&service);
}

/* catalogue 83, 84: an attacker's connections leave room for others */
Test(connection, answers_others_while_one_address_takes_all_it_can)
{
	enum { PER_ADDRESS = 20, TRIED = 60 };
	struct service_under_test service = {
		.settings = {.most_per_address = PER_ADDRESS, .most_connections = 50}};
	CLEANUP(clear_http_answer) struct http_answer answer = {0};
	struct pollfd idle[TRIED];
	struct http_client *client;
	unsigned int closed = 0;

	start_service(&service);
	for (size_t i = 0; i < TRIED; i++) {
		idle[i].fd = connect_raw_from("127.0.0.2", &service.endpoint);
		idle[i].events = POLLIN;
		(void)say_raw(idle[i].fd, "GET /");
	}
	while (closed < TRIED - PER_ADDRESS) {
		cr_assert_gt(poll(idle, TRIED, 10000), 0, "only %u are closed", closed);
		for (size_t i = 0; i < TRIED; i++) {
			if (idle[i].revents == 0)
				continue;
			(void)close(idle[i].fd);
			idle[i] = (struct pollfd){.fd = -1};
			closed++;
		}
	}
	client = new_test_client(&service.endpoint);
	cr_expect_eq(post_text(client, "/echo", "honest", &answer), 200);
	free_http_client(&client);
	cr_expect_eq(poll(idle, TRIED, 0), 0);
	for (size_t i = 0; i < TRIED; i++)
		if (idle[i].fd >= 0)
			(void)close(idle[i].fd);
	stop_service(&service);
}

/* catalogue 84: over the limit, connections wait to be accepted until idle ones are ended */
Test(connection, accepts_no_more_than_its_limit)
{
	enum { LIMIT = 8, TRIED = 20 };
	struct service_under_test service = {
		.settings = {.most_connections = LIMIT, .request_timeout_s = 1}};
	CLEANUP(clear_http_answer) struct http_answer answer = {0};
	struct http_client *client;
	int idle[TRIED];

	start_service(&service);
	for (size_t i = 0; i < TRIED; i++)
		idle[i] = connect_raw(&service.endpoint);
	client = new_test_client(&service.endpoint);
	cr_expect_eq(post_text(client, "/echo", "patient", &answer), 200);
	free_http_client(&client);
	for (size_t i = 0; i < TRIED; i++)
		(void)close(idle[i]);
	stop_service(&service);
}

static unsigned int admit(struct connection_register *connections, int number)
{
	const struct sockaddr address = {.sa_family = AF_INET};
	unsigned int thread = UINT_MAX;

	cr_assert(admit_connection(connections, number, &address, &thread));
	return thread;
}

Test(connection, gives_each_thread_as_many_connections)
{
	enum { THREADS = 3, CONNECTIONS = 9 };
	const struct connection_limits limits = {.timeout_s = 30,
						 .most = 2 * CONNECTIONS,
						 .most_per_address = 2 * CONNECTIONS,
						 .threads = THREADS};
	struct connection_register *connections = NULL;
	struct connection *each[CONNECTIONS];
	unsigned int first;
	unsigned int on_thread[THREADS] = {0};

	OK(new_connection_register(&limits, &connections, &fault));
	/* The register does not use the numbers as sockets while no connection is late. */
	for (int i = 0; i < CONNECTIONS; i++) {
		on_thread[admit(connections, 1000 + i)]++;
		each[i] = claim_connection(connections, 1000 + i);
	}
	for (unsigned int i = 0; i < THREADS; i++)
		cr_expect_eq(on_thread[i], CONNECTIONS / THREADS, "thread %u", i);
	/* Every third was on the same thread, which gets all further connections once they are
	 * closed. */
	for (int i = 0; i < CONNECTIONS; i += THREADS)
		close_connection(each[i]);
	first = admit(connections, 1000);
	each[0] = claim_connection(connections, 1000);
	for (int i = THREADS; i < CONNECTIONS; i += THREADS) {
		cr_expect_eq(admit(connections, 1000 + i), first);
		each[i] = claim_connection(connections, 1000 + i);
	}
	for (int i = 0; i < CONNECTIONS; i++)
		close_connection(each[i]);
	free_connection_register(&connections);
}
