#include "common/net/http_transaction.h"

#include "common/base/workers.h"
#include "common/net/http.h"
#include "tests/support/expect.h"
#include "tests/support/raw_socket.h"
#include "tests/unit/net/serve.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define POST "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"

static struct service_under_test service;

static void set_up(void)
{
	start_service(&service);
}

static void tear_down(void)
{
	open_gate(&service); /* a test that failed may have left it shut */
	stop_service(&service);
}

TestSuite(http_transaction, .init = set_up, .fini = tear_down);

Test(http_transaction, refuses_by_the_route)
{
	static const struct {
		const char *request;
		const char *status;
		const char *found;
	} rows[] = {
		{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 ", "there is no such path"},
		{"GET /health/ HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 ", "no such path"},
		{"GET /%68ealth HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 ", "no such path"},
		{"GET /../health HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 ", "no such path"},
		{"GET http://a/health HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 ", "such path"},
		{"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 ", "no such path"},
		{"DELETE /health HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 ",
		 "\r\nAllow: GET, HEAD\r\n"},
		{"GET /echo HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 ", "\r\nAllow: POST\r\n"},
		{"HEAD /echo HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 ", "\r\nAllow: POST\r\n"},
		{"PUT /large HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 ",
		 "\r\nAllow: POST, GET, HEAD\r\n"},
		{"PUT /below/first HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 ",
		 "\r\nAllow: GET, HEAD\r\n"},
		{"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 415 ",
		 "expected the content type text/plain"},
		{"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: text/html\r\n"
		 "Content-Length: 1\r\n\r\nx",
		 "HTTP/1.1 415 ", "expected the content type text/plain"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer answer = {0};
		int connection = connect_raw(&service.endpoint);

		cr_assert(say_raw(connection, rows[i].request));
		(void)shutdown(connection, SHUT_WR);
		cr_expect(receive_raw(connection, &answer), "row %zu", i);
		(void)close(connection);
		cr_assert_not_null(answer.data, "row %zu", i);
		cr_expect_eq(
			strncmp((const char *)answer.data, rows[i].status, strlen(rows[i].status)),
			0, "row %zu: %s", i, answer.data);
		cr_expect_not_null(strstr((const char *)answer.data, rows[i].found), "row %zu: %s",
				   i, answer.data);
		cr_expect_not_null(strstr((const char *)answer.data, CONTENT_PROBLEM), "row %zu",
				   i);
	}
	cr_expect(await_log(&service, "GET /%68ealth 404 there is no such path\n"));
}

/* catalogue 26, 30, 85: by the Content-Length, before any of the body is read */
Test(http_transaction, refuses_a_body_over_the_limit_at_once)
{
	static const struct {
		const char *length;
		unsigned int status;
	} rows[] = {
		{"1001", 413},
		{"1073741824", 413},
		{"4294967296", 413},
		{"4294968296", 413},
		{"9223372036854775807", 400},
		{"18446744073709551615", 400},
		{"18446744073709551616", 413},
		{"99999999999999999999999999999999", 413},
		{"1001\r\nExpect: 100-continue", 413},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer request = {0};
		CLEANUP(clear_buffer) struct buffer answer = {0};

		append_format(&request, POST "Content-Length: %s\r\n\r\n", rows[i].length);
		answer = ask_raw(&service.endpoint, bytes_of_buffer(&request));
		cr_expect_eq(status_of(&answer), rows[i].status, "%s: %s", rows[i].length,
			     answer.data);
	}
	cr_expect(await_log(&service, "POST /echo 413 the body is larger than 1000 octets\n"));
	cr_expect_eq(service.handled, 0);
}

/* catalogue 26 */
Test(http_transaction, takes_bodies_up_to_the_limit)
{
	static const int rows[] = {1, 2, BODY_MAX - 1, BODY_MAX};
	struct http_client *client;

	client = new_test_client(&service.endpoint);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_http_answer) struct http_answer answer = {0};
		char text[BODY_MAX + 1];

		(void)snprintf(text, sizeof(text), "%0*d", rows[i], 0);
		cr_expect_eq(post_text(client, "/echo", text, &answer), 200);
		cr_expect(equal_bytes(bytes_of_buffer(&answer.body), bytes_of_string(text)));
	}
	free_http_client(&client);
}

Test(http_transaction, bounds_what_all_requests_send_together)
{
	CLEANUP(clear_http_answer) struct http_answer answer = {0};
	CLEANUP(clear_buffer) struct buffer part = {0};
	struct http_client *client;
	int holders[4];

	stop_service(&service);
	service.settings.most_body_octets = 50000;
	start_service(&service);
	append_format(&part,
		      "POST /large HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
		      "Content-Length: 20000\r\n\r\n%019999d",
		      0);
	for (size_t i = 0; i < COUNT_OF(holders); i++) {
		holders[i] = connect_raw(&service.endpoint);
		(void)send_raw(holders[i], bytes_of_buffer(&part));
	}
	cr_expect(await_log(&service, "POST /large 503 too much is being received"));
	for (size_t i = 0; i < COUNT_OF(holders); i++)
		(void)close(holders[i]);
	/* The ended requests no longer count. */
	client = new_test_client(&service.endpoint);
	cr_expect_eq(post_when_admitted(client, "/large", "x", &answer), 200);
	free_http_client(&client);
}

Test(http_transaction, answers_a_fault_by_its_class)
{
	static const struct {
		enum fault_class class;
		unsigned int status;
		enum fault_class received; /* by our client */
		bool hidden;
	} rows[] = {
		{FAULT_FAILED, 500, FAULT_UNREACHABLE, true},
		{FAULT_MALFORMED, 400, FAULT_REFUSED, false},
		{FAULT_TOO_LARGE, 413, FAULT_TOO_LARGE, false},
		{FAULT_UNDECRYPTABLE, 400, FAULT_REFUSED, true},
		{FAULT_UNVERIFIED, 403, FAULT_REFUSED, false},
		{FAULT_NOT_FOUND, 404, FAULT_NOT_FOUND, false},
		{FAULT_REFUSED, 403, FAULT_REFUSED, false},
		{FAULT_BUSY, 503, FAULT_BUSY, false},
		{FAULT_NONE, 500, FAULT_UNREACHABLE, true},
	};
	struct http_client *client;

	client = new_test_client(&service.endpoint);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_http_answer) struct http_answer answer = {0};
		char number[16];
		char reason[32];

		(void)snprintf(number, sizeof(number), "%u", (unsigned int)rows[i].class);
		(void)snprintf(reason, sizeof(reason), "the reason \"%s\"", number);
		cr_expect_eq(post_text(client, "/fault", number, &answer), rows[i].status);
		cr_expect_str_eq(answer.content_type, CONTENT_PROBLEM);
		REFUSED(check_http_answer(client, "/fault", &answer, "text/plain", &fault),
			rows[i].received, NULL);
		cr_expect_eq(strstr(last_refusal()->text, reason) == NULL, rows[i].hidden, "%s",
			     last_refusal()->text);
		cr_expect_null(strstr((const char *)answer.body.data, "half an answer"));
		/* The log always has the fault's text. */
		if (rows[i].class != FAULT_NONE)
			cr_expect(await_log(&service, reason));
	}
	free_http_client(&client);
}

/* catalogue 17, 19: a client cannot distinguish failures to decrypt */
Test(http_transaction, answers_every_failure_to_decrypt_with_the_same_octets)
{
	struct http_client *client;
	CLEANUP(clear_http_answer) struct http_answer first = {0};
	CLEANUP(clear_http_answer) struct http_answer second = {0};

	client = new_test_client(&service.endpoint);
	cr_assert_eq(FAULT_UNDECRYPTABLE, 5);
	cr_expect_eq(post_text(client, "/fault", "5 wrong tag", &first), 400);
	cr_expect_eq(post_text(client, "/fault", "5 unknown kid, which is longer", &second), 400);
	cr_expect(equal_bytes(bytes_of_buffer(&first.body), bytes_of_buffer(&second.body)));
	cr_expect(await_log(&service, "wrong tag"));
	cr_expect(await_log(&service, "unknown kid"));
	free_http_client(&client);
}

Test(http_transaction, answers_head_without_a_body)
{
	CLEANUP(clear_buffer) struct buffer answer = {0};

	answer = ask_raw(&service.endpoint, bytes_of_string("HEAD /health HTTP/1.1\r\nHost: a\r\n"
							    "Connection: close\r\n\r\n"));
	cr_expect_eq(status_of(&answer), 200);
	cr_expect_not_null(strstr((const char *)answer.data, "Content-Length: 4\r\n"));
	cr_expect_null(strstr((const char *)answer.data, "well"));
}

Test(http_transaction, asks_for_the_body_when_it_is_expected_to)
{
	CLEANUP(clear_buffer) struct buffer go = {0};
	CLEANUP(clear_buffer) struct buffer answer = {0};
	int connection;

	connection = connect_raw(&service.endpoint);
	cr_assert(say_raw(connection, POST "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"));
	cr_assert(receive_answer(connection, &go));
	cr_expect_str_eq((const char *)go.data, "HTTP/1.1 100 Continue\r\n\r\n");
	cr_assert(say_raw(connection, "ab"));
	cr_assert(receive_answer(connection, &answer));
	cr_expect_eq(status_of(&answer), 200);
	(void)close(connection);
}

/* catalogue 91: the queue is bounded */
Test(http_transaction, answers_503_when_too_much_waits)
{
	enum { EXTRA = 3 };
	unsigned int workers = count_cores();
	unsigned int count = workers + 2 + EXTRA;
	int *connections = calloc(count, sizeof(*connections));
	unsigned int statuses[2] = {0};

	cr_assert_not_null(connections);
	stop_service(&service);
	service.settings.most_pending = 2;
	start_service(&service);
	for (unsigned int i = 0; i < count; i++) {
		connections[i] = connect_raw(&service.endpoint);
		cr_assert(say_raw(connections[i],
				  "POST /long HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
				  "Content-Length: 1\r\n\r\nx"));
		/* The first requests occupy the workers, so that exactly two can wait. */
		if (i < workers)
			await_waiting(&service, i + 1);
	}
	cr_expect(await_logs(&service, "POST /long 503 2 requests already wait", EXTRA));
	open_gate(&service);
	for (unsigned int i = 0; i < count; i++) {
		CLEANUP(clear_buffer) struct buffer answer = {0};

		cr_assert(receive_answer(connections[i], &answer));
		statuses[status_of(&answer) == 503]++;
		if (status_of(&answer) == 503)
			cr_expect_not_null(strstr((const char *)answer.data, "Retry-After: 1\r\n"));
		(void)close(connections[i]);
	}
	cr_expect_eq(statuses[0], workers + 2);
	cr_expect_eq(statuses[1], EXTRA);
	free(connections);
}

/* The gate opens only after the short requests are answered. */
Test(http_transaction, answers_short_requests_while_all_workers_are_busy)
{
	enum { SHORT = 20 };
	unsigned int workers = count_cores();
	int *connections = calloc(workers, sizeof(*connections));

	cr_assert_not_null(connections);
	for (unsigned int i = 0; i < workers; i++) {
		connections[i] = connect_raw(&service.endpoint);
		cr_assert(say_raw(connections[i],
				  "POST /long HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
				  "Content-Length: 1\r\n\r\nx"));
	}
	await_waiting(&service, workers);
	for (unsigned int i = 0; i < SHORT; i++) {
		CLEANUP(clear_http_answer) struct http_answer answer = {0};
		struct http_client *client = new_test_client(&service.endpoint);

		cr_expect_eq(post_text(client, "/echo", "short", &answer), 200);
		free_http_client(&client);
	}
	open_gate(&service);
	for (unsigned int i = 0; i < workers; i++) {
		CLEANUP(clear_buffer) struct buffer answer = {0};

		cr_assert(receive_answer(connections[i], &answer));
		cr_expect_eq(status_of(&answer), 200);
		(void)close(connections[i]);
	}
	free(connections);
}

/* catalogue 93, 81: SIGPIPE has its default action, which would kill this process */
Test(http_transaction, survives_clients_that_leave_in_the_middle)
{
	enum { ROUNDS = 50 };
	static const char *const requests[] = {
		"GET /large HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /work HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
		"Content-Length: 5\r\n\r\nhello",
		"POST /large HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
		"Content-Length: 50000\r\n\r\nhello",
		"POST /large HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
		"Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
		"GET /heal",
		"",
	};
	struct http_client *client;
	CLEANUP(clear_http_answer) struct http_answer answer = {0};

	(void)signal(SIGPIPE, SIG_DFL);
	for (size_t i = 0; i < ROUNDS * COUNT_OF(requests); i++) {
		const struct linger reset = {.l_onoff = 1, .l_linger = 0};
		int connection = connect_raw(&service.endpoint);

		(void)say_raw(connection, requests[i % COUNT_OF(requests)]);
		if (i % 2 == 0)
			(void)setsockopt(connection, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		(void)close(connection);
	}
	/* Those that left count until the server has noticed. */
	client = new_test_client(&service.endpoint);
	cr_expect_eq(post_when_admitted(client, "/work", "again", &answer), 200);
	cr_expect_str_eq((const char *)answer.body.data, "again");
	free_http_client(&client);
}

#define CHECKED "POST /checked HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"

/* catalogue 111: a sender is looked at before more than the beginning of a body is taken */
Test(http_transaction, refuses_a_sender_by_the_beginning_of_the_body)
{
	CLEANUP(clear_buffer) struct buffer request = {0};
	CLEANUP(clear_buffer) struct buffer answer = {0};
	int connection = connect_raw(&service.endpoint);

	append_format(&request, CHECKED "Content-Length: 1000000\r\n\r\nbad.%01100d", 0);
	cr_assert(send_raw(connection, bytes_of_buffer(&request)));
	cr_expect(receive_answer(connection, &answer));
	cr_expect_eq(status_of(&answer), 400, "%s", answer.data);
	cr_expect_not_null(strstr((const char *)answer.data, CONTENT_PROBLEM));
	cr_expect_null(strstr((const char *)answer.data, "a bad sender"));
	cr_expect(await_log(&service, "POST /checked 400 a bad sender\n"));
	cr_expect_eq(service.checked, 1);
	cr_expect_eq(service.start_len, HTTP_START_MAX);
	(void)close(connection);
}

/* The answer is the same as if the handler had refused the whole body. */
Test(http_transaction, refuses_the_sender_of_a_short_body_too)
{
	static const char *const requests[] = {
		CHECKED "Content-Length: 4\r\n\r\nbad.",
		CHECKED "Content-Length: 0\r\n\r\n",
	};
	int connection = connect_raw(&service.endpoint);

	for (size_t i = 0; i < COUNT_OF(requests); i++) {
		CLEANUP(clear_buffer) struct buffer answer = {0};

		cr_assert(say_raw(connection, requests[i]));
		cr_expect(receive_answer(connection, &answer), "row %zu", i);
		cr_expect_eq(status_of(&answer), 400, "row %zu: %s", i, answer.data);
	}
	cr_expect_eq(service.checked, COUNT_OF(requests));
	cr_expect_eq(service.handled, 0);
	(void)close(connection);
}

/* A body that is refused is thrown away, so that its sender can read why. */
Test(http_transaction, lets_a_sender_finish_a_body_that_it_refused)
{
	CLEANUP(clear_buffer) struct buffer request = {0};
	CLEANUP(clear_http_answer) struct http_answer answer = {0};
	struct http_client *client = new_test_client(&service.endpoint);

	append_format(&request, "bad.%0900000d", 0);
	cr_expect_eq(post_text(client, "/checked", (const char *)request.data, &answer), 400);
	free_http_client(&client);
}

/* catalogue 114: one client's requests leave room for another's, of the same address too */
Test(http_transaction, bounds_what_waits_for_each_client)
{
	static const struct {
		const char *client;
		unsigned int status;
	} rows[] = {{"a", 200}, {"a", 503}, {"b", 200}, {"b", 503}, {"c", 200}};
	unsigned int workers = count_cores();
	int *busy = calloc(workers, sizeof(*busy));
	int connections[COUNT_OF(rows)];

	cr_assert_not_null(busy);
	stop_service(&service);
	service.settings.most_of_client = 1;
	start_service(&service);
	for (unsigned int i = 0; i < workers; i++) {
		busy[i] = connect_raw(&service.endpoint);
		cr_assert(say_raw(busy[i], CHECKED "Content-Length: 2\r\n\r\na."));
		await_waiting(&service, i + 1);
	}
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer request = {0};
		unsigned int checked = service.checked;

		connections[i] = connect_raw(&service.endpoint);
		append_format(&request, CHECKED "Content-Length: 2\r\n\r\n%s.", rows[i].client);
		cr_assert(send_raw(connections[i], bytes_of_buffer(&request)));
		if (rows[i].status == 503)
			cr_expect(await_log(&service, "1 requests of this client already wait"));
		while (service.checked == checked)
			(void)poll(NULL, 0, 1);
	}
	open_gate(&service);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer answer = {0};

		cr_expect(receive_answer(connections[i], &answer), "row %zu", i);
		cr_expect_eq(status_of(&answer), rows[i].status, "row %zu: %s", i, answer.data);
		(void)close(connections[i]);
	}
	for (unsigned int i = 0; i < workers; i++)
		(void)close(busy[i]);
	free(busy);
}

/* catalogue 115: EST and ACME look at no sender before the body is there. */
Test(http_transaction, bounds_nothing_of_an_address_where_the_client_is_not_known)
{
	enum { REQUESTS = 40 };
	int connections[REQUESTS];

	stop_service(&service);
	service.settings.most_of_client = 1;
	start_service(&service);
	for (size_t i = 0; i < REQUESTS; i++) {
		connections[i] = connect_raw(&service.endpoint);
		cr_assert(say_raw(connections[i],
				  "POST /long HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
				  "Content-Length: 1\r\n\r\nx"));
	}
	open_gate(&service);
	for (size_t i = 0; i < REQUESTS; i++) {
		CLEANUP(clear_buffer) struct buffer answer = {0};

		cr_expect(receive_answer(connections[i], &answer), "connection %zu", i);
		cr_expect_eq(status_of(&answer), 200, "connection %zu: %s", i, answer.data);
		(void)close(connections[i]);
	}
}

/* catalogue 114 */
Test(http_transaction, works_on_gets_while_posts_wait)
{
	enum { WAITING = 10 };
	int connections[WAITING];
	CLEANUP(clear_http_answer) struct http_answer answer = {0};
	struct http_client *client = new_test_client(&service.endpoint);

	for (size_t i = 0; i < WAITING; i++) {
		connections[i] = connect_raw(&service.endpoint);
		cr_assert(say_raw(connections[i], CHECKED "Content-Length: 2\r\n\r\na."));
	}
	await_waiting(&service, count_cores());
	OK(exchange_http(client, "/prompt", NULL, (struct bytes){0}, 100, &answer, &fault));
	cr_expect_str_eq((const char *)answer.body.data, "prompt");
	free_http_client(&client);
	open_gate(&service);
	for (size_t i = 0; i < WAITING; i++)
		(void)close(connections[i]);
}
