#include "common/net/connection.h"

#include "tests/support/expect.h"
#include "tests/support/raw_socket.h"
#include "tests/unit/net/serve.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* catalogue 83, 84: an attacker's connections leave room for others */
Test(admission, answers_others_while_one_address_takes_all_it_can)
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
		cr_assert_gt(poll(idle, TRIED, 60000), 0, "only %u are closed", closed);
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
Test(admission, accepts_no_more_than_its_limit)
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

/* catalogue 112: the server is full of connections that say nothing, or not all, and whose time-out
   is far; a newcomer takes the place of one of them */
Test(admission, answers_a_newcomer_at_once_when_it_is_full)
{
	enum { LIMIT = 8, TRIED = 20 };
	static const char *const rows[] = {
		"",
		"GET /heal",
		"GET /health HTTP/1.1\r\nHost: a\r\n",
		("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
		 "Content-Length: 900\r\n\r\nx"),
	};
	struct service_under_test service = {
		.settings = {.most_connections = LIMIT, .patience_ms = 30000}};

	start_service(&service);
	for (size_t row = 0; row < COUNT_OF(rows); row++) {
		CLEANUP(clear_http_answer) struct http_answer answer = {0};
		struct http_client *client;
		int slow[TRIED];

		for (size_t i = 0; i < TRIED; i++) {
			slow[i] = connect_raw_from("127.0.0.2", &service.endpoint);
			(void)say_raw(slow[i], rows[row]);
		}
		client = new_test_client(&service.endpoint);
		cr_expect_eq(post_text(client, "/echo", "honest", &answer), 200, "row %zu", row);
		free_http_client(&client);
		for (size_t i = 0; i < TRIED; i++)
			(void)close(slow[i]);
	}
	cr_expect_gt(count_http_connections(service.server).replaced, 0);
	stop_service(&service);
}

/* catalogue 112: an attacker that has many connections loses one of them, and nobody who connected
   a moment ago and whose request is late */
Test(admission, ends_none_of_a_newcomer_for_one_of_an_attacker)
{
	enum { LIMIT = 8 };
	struct service_under_test service = {
		.settings = {.most_connections = LIMIT, .patience_ms = 30000}};
	CLEANUP(clear_buffer) struct buffer answer = {0};
	int slow[2 * LIMIT];
	int late;

	start_service(&service);
	for (size_t i = 0; i < LIMIT - 1; i++) {
		slow[i] = connect_raw_from("127.0.0.2", &service.endpoint);
		(void)say_raw(slow[i], "GET /health HTTP/1.1\r\nHost: a\r\n");
	}
	late = connect_raw(&service.endpoint);
	/* Each takes the place of another one, which has to be 30 ms old. */
	for (size_t i = LIMIT - 1; i < 2 * LIMIT; i++) {
		slow[i] = connect_raw_from("127.0.0.2", &service.endpoint);
		(void)say_raw(slow[i], "GET /health HTTP/1.1\r\nHost: a\r\n");
	}
	for (unsigned int i = 0;
	     i < 1000 && count_http_connections(service.server).replaced < LIMIT; i++)
		(void)poll(NULL, 0, 10);
	cr_expect(say_raw(late, "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
	cr_expect(receive_raw(late, &answer));
	cr_expect_eq(status_of(&answer), 200);
	(void)close(late);
	for (size_t i = 0; i < 2 * LIMIT; i++)
		(void)close(slow[i]);
	stop_service(&service);
}

/* catalogue 115: who finds no place is told to come back */
Test(admission, tells_an_address_that_it_has_too_many)
{
	struct service_under_test service = {.settings = {.most_per_address = 1}};
	CLEANUP(clear_buffer) struct buffer answer = {0};
	int first;
	int second;

	start_service(&service);
	first = connect_raw(&service.endpoint);
	cr_assert(say_raw(first, "POST /long HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
				 "Content-Length: 1\r\n\r\nx"));
	await_waiting(&service, 1);
	second = connect_raw(&service.endpoint);
	cr_expect(receive_raw(second, &answer));
	cr_expect_eq(status_of(&answer), 503);
	cr_expect_not_null(strstr((const char *)answer.data, "\r\nRetry-After: 1\r\n"));
	cr_expect_not_null(strstr((const char *)answer.data, "too many connections from your "
							     "address: try again later"));
	cr_expect_eq(count_http_connections(service.server).turned_away, 1);
	open_gate(&service);
	(void)close(first);
	(void)close(second);
	stop_service(&service);
}

/* catalogue 112: its idle connections do not lock an address out */
Test(admission, replaces_an_idle_connection_of_the_same_address)
{
	struct service_under_test service = {.settings = {.most_per_address = 1}};
	unsigned int status = 503;
	int idle;

	start_service(&service);
	idle = connect_raw(&service.endpoint);
	for (unsigned int i = 0; i < 1000 && status != 200; i++) {
		CLEANUP(clear_buffer) struct buffer answer = {0};

		answer = ask_raw(&service.endpoint,
				 bytes_of_string("GET /health HTTP/1.1\r\nHost: a\r\n"
						 "Connection: close\r\n\r\n"));
		status = status_of(&answer);
		(void)poll(NULL, 0, 10);
	}
	cr_expect_eq(status, 200);
	cr_expect_eq(count_http_connections(service.server).replaced, 1);
	(void)close(idle);
	stop_service(&service);
}

static bool try_admission(struct connection_register *connections, int number, const char *text)
{
	struct sockaddr_in6 address = {.sin6_family = AF_INET6};
	unsigned int thread;

	cr_assert_eq(inet_pton(AF_INET6, text, &address.sin6_addr), 1);
	return admit_connection(connections,
				&(struct newcomer){number, true, (const struct sockaddr *)&address},
				&thread);
}

static unsigned int admit(struct connection_register *connections, int number)
{
	const struct sockaddr address = {.sa_family = AF_INET};
	unsigned int thread = UINT_MAX;

	cr_assert(admit_connection(
		connections, &(struct newcomer){.socket = number, .address = &address}, &thread));
	return thread;
}

/* An idle connection that has had a request, and the client's end of it. */
static struct connection *admit_pair(struct connection_register *connections, const char *text,
				     int *ret_client)
{
	struct connection *connection;
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	cr_assert(try_admission(connections, ends[0], text));
	connection = claim_connection(connections, ends[0]);
	cr_assert(enter_connection_phase(connection, CONNECTION_RECEIVING));
	(void)finish_request(connection);
	*ret_client = ends[1];
	return connection;
}

/* The server has shut the connection down. */
static bool await_end(int client)
{
	struct pollfd end = {.fd = client, .events = POLLIN};
	char octet;

	return poll(&end, 1, 60000) == 1 && recv(client, &octet, 1, MSG_DONTWAIT) == 0;
}

/* catalogue 112: a busy server reads late what a client has said */
Test(admission, takes_no_client_for_idle_whose_octets_wait)
{
	const struct connection_limits limits = {.timeout_s = 60,
						 .most = 100,
						 .most_per_address = 2,
						 .threads = 1,
						 .patience_ms = 1000};
	struct connection_register *connections = NULL;
	struct pollfd waiting = {.events = POLLIN};
	struct connection *each[3];
	int silent;
	int gone;
	bool admitted = false;

	OK(new_connection_register(&limits, &connections, &fault));
	each[0] = admit_pair(connections, "2001:db8::1", &waiting.fd);
	cr_assert_eq(send(waiting.fd, "hello", 5, 0), 5);
	each[1] = admit_pair(connections, "2001:db8::1", &silent);
	each[2] = admit_pair(connections, "2001:db8:0:1::1", &gone);
	/* The watcher ends this one at its second look at all of them. */
	cr_assert_eq(shutdown(gone, SHUT_WR), 0);
	cr_assert(await_end(gone));
	for (unsigned int i = 0; i < 2000 && !admitted; i++) {
		admitted = try_admission(connections, 1000, "2001:db8::1");
		(void)poll(NULL, 0, admitted ? 0 : 10);
	}
	cr_expect(admitted);
	cr_expect(await_end(silent));
	cr_expect_eq(poll(&waiting, 1, 0), 0, "the client that waits was ended");
	close_connection(claim_connection(connections, 1000));
	for (size_t i = 0; i < COUNT_OF(each); i++)
		close_connection(each[i]);
	(void)close(waiting.fd);
	(void)close(silent);
	(void)close(gone);
	free_connection_register(&connections);
}

/* catalogue 112: a host can choose its address from a whole /64 */
Test(admission, counts_the_addresses_of_one_network_together)
{
	static const struct {
		const char *address;
		bool admitted;
	} rows[] = {
		{"2001:db8::1", true},       {"2001:db8::2", true},
		{"2001:db8::ffff:3", false}, {"2001:db8:0:0:8000::4", false},
		{"2001:db8:0:1::1", true},   {"2001:db8:0:1::1", true},
		{"2001:db8:0:1::1", false},  {"2001:db8::5", false},
	};
	const struct connection_limits limits = {
		.timeout_s = 30, .most = 100, .most_per_address = 2, .threads = 1};
	struct connection_register *connections = NULL;

	OK(new_connection_register(&limits, &connections, &fault));
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		cr_expect_eq(try_admission(connections, 1000 + (int)i, rows[i].address),
			     rows[i].admitted, "row %zu", i);
	cr_expect_eq(count_connections(connections).open, 4);
	cr_expect_eq(count_connections(connections).turned_away, 4);
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		close_connection(claim_connection(connections, 1000 + (int)i));
	cr_expect_eq(count_connections(connections).open, 0);
	free_connection_register(&connections);
}

Test(admission, gives_each_thread_as_many_connections)
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

static bool is_at_hand(const struct http_route *route, const char *path, struct bytes body,
		       void *context)
{
	(void)route;
	(void)context;
	return strcmp(path, "/glance") == 0 && equal_bytes(body, bytes_of_string("at hand"));
}

/* The gate opens only after the others are answered. */
Test(admission, answers_others_while_all_lookups_wait)
{
	enum { COUNT = LOOKUP_WORKERS };
	struct service_under_test service = {
		.settings = {.lookups_wait = true, .at_hand = is_at_hand}};
	CLEANUP(clear_http_answer) struct http_answer answer = {0};
	CLEANUP(free_http_client) struct http_client *client = NULL;
	int connections[COUNT];

	start_service(&service);
	for (unsigned int i = 0; i < COUNT; i++) {
		connections[i] = connect_raw(&service.endpoint);
		cr_assert(say_raw(connections[i],
				  "POST /lookup HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
				  "Content-Length: 1\r\n\r\nx"));
	}
	await_waiting(&service, COUNT);
	client = new_test_client(&service.endpoint);
	cr_expect_eq(post_text(client, "/echo", "short", &answer), 200);
	clear_http_answer(&answer);
	cr_expect_eq(post_text(client, "/work", "long", &answer), 200);
	clear_http_answer(&answer);
	cr_expect_eq(post_text(client, "/glance", "at hand", &answer), 200, "a lookup, too");
	open_gate(&service);
	clear_http_answer(&answer);
	cr_expect_eq(post_text(client, "/glance", "elsewhere", &answer), 200);
	for (unsigned int i = 0; i < COUNT; i++) {
		CLEANUP(clear_buffer) struct buffer text = {0};

		cr_assert(receive_answer(connections[i], &text));
		cr_expect_eq(status_of(&text), 200);
		(void)close(connections[i]);
	}
	free_http_client(&client);
	stop_service(&service);
}

Test(admission, does_lookups_at_once_where_they_do_not_wait)
{
	struct service_under_test service = {0};
	CLEANUP(clear_http_answer) struct http_answer answer = {0};
	CLEANUP(free_http_client) struct http_client *client = NULL;

	start_service(&service);
	client = new_test_client(&service.endpoint);
	open_gate(&service);
	cr_expect_eq(post_text(client, "/lookup", "short", &answer), 200);
	free_http_client(&client);
	stop_service(&service);
}
