#include "common/net/acceptor.h"

#include "common/base/file.h"
#include "tests/support/expect.h"
#include "tests/support/raw_socket.h"
#include "tests/unit/net/serve.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

Test(acceptor, refuses_an_address_that_is_taken)
{
	CLEANUP(close_descriptor) int first = -1;
	int second = -2;
	struct endpoint bound;
	struct endpoint untouched = {0};
	struct fault fault = {0};
	char text[ENDPOINT_TEXT_SIZE];

	cr_assert_eq(open_listener(&(struct endpoint){"127.0.0.1", 0}, &first, &bound, &fault), 0);
	cr_expect_eq(open_listener(&bound, &second, &untouched, &fault), -1);
	cr_expect_eq(fault.class, FAULT_BUSY);
	format_endpoint(&bound, text);
	cr_expect_not_null(strstr(fault.text, text), "%s", fault.text);
	cr_expect_not_null(strstr(fault.text, "another process already listens there"), "%s",
			   fault.text);
	cr_expect_eq(second, -2);
	cr_expect_eq(untouched.port, 0);
}

Test(acceptor, refuses_addresses_that_are_not_here)
{
	static const struct {
		struct endpoint endpoint;
		const char *text;
	} rows[] = {
		{{"192.0.2.1", 0}, "http://192.0.2.1:0: cannot listen there: "},
		{{"no-such-host.invalid", 0},
		 "no address is known for the host "
		 "no-such-host.invalid"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int descriptor = -2;
		struct endpoint bound;

		REFUSED(open_listener(&rows[i].endpoint, &descriptor, &bound, &fault), FAULT_FAILED,
			NULL);
		cr_expect_eq(strncmp(last_refusal()->text, rows[i].text, strlen(rows[i].text)), 0,
			     "%s", last_refusal()->text);
		cr_expect_eq(descriptor, -2);
	}
}

Test(acceptor, says_which_port_it_got)
{
	static const struct endpoint rows[] = {{"127.0.0.1", 0}, {"::1", 0}, {"localhost", 0}};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(close_descriptor) int descriptor = -1;
		struct endpoint bound = {0};

		OK(open_listener(&rows[i], &descriptor, &bound, &fault));
		cr_expect_str_eq(bound.host, rows[i].host);
		cr_expect_neq(bound.port, 0);
		cr_expect_neq(fcntl(descriptor, F_GETFD) & FD_CLOEXEC, 0);
		cr_expect_neq(fcntl(descriptor, F_GETFL) & O_NONBLOCK, 0);
	}
}

Test(acceptor, takes_ipv6_alone)
{
	CLEANUP(close_descriptor) int descriptor = -1;
	struct endpoint bound;
	socklen_t len = sizeof(int);
	int alone = 0;

	OK(open_listener(&(struct endpoint){"::", 0}, &descriptor, &bound, &fault));
	cr_assert_eq(getsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &alone, &len), 0);
	cr_expect_eq(alone, 1);
}

/* catalogue 113: an accepted connection inherits them */
Test(acceptor, bounds_what_the_kernel_keeps_of_answers)
{
	CLEANUP(close_descriptor) int descriptor = -1;
	struct endpoint bound;
	socklen_t len = sizeof(int);
	int octets = 0;
	int unread_ms = 0;

	OK(open_listener(&(struct endpoint){"127.0.0.1", 0}, &descriptor, &bound, &fault));
	cr_assert_eq(getsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &octets, &len), 0);
	cr_expect_eq(octets, 2 * 65536);
	cr_assert_eq(getsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &unread_ms, &len), 0);
	cr_expect_eq(unread_ms, 30000);
}

/* catalogue 74 */
Test(acceptor, goes_on_when_there_are_descriptors_again)
{
	struct service_under_test service = {0};
	CLEANUP(clear_buffer) struct buffer answer = {0};
	struct rlimit before;
	struct rlimit few;
	int connection;
	int free_one;

	start_service(&service);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	free_one = dup(STDIN_FILENO);
	cr_assert_geq(free_one, 0);
	(void)close(free_one);
	/* The client takes the last descriptor. */
	few = (struct rlimit){.rlim_cur = (rlim_t)free_one + 1, .rlim_max = before.rlim_max};
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	connection = connect_raw(&service.endpoint);
	cr_expect(await_log(&service, "a connection cannot be accepted: Too many open files\n"));
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	cr_assert(say_raw(connection, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"));
	cr_assert(receive_answer(connection, &answer));
	cr_expect_eq(status_of(&answer), 200);
	(void)close(connection);
	stop_service(&service);
}

/* Connections that are in the backlog, or just accepted, when the server stops are ended. */
Test(acceptor, ends_waiting_connections_when_it_stops)
{
	enum { CONNECTIONS = 40 };

	for (unsigned int round = 0; round < 20; round++) {
		struct service_under_test service = {.settings = {.most_connections = 4}};
		int connections[CONNECTIONS];

		start_service(&service);
		for (size_t i = 0; i < CONNECTIONS; i++)
			connections[i] = connect_raw(&service.endpoint);
		stop_service(&service);
		for (size_t i = 0; i < CONNECTIONS; i++) {
			CLEANUP(clear_buffer) struct buffer answer = {0};

			cr_expect(receive_raw(connections[i], &answer), "connection %zu", i);
			cr_expect_eq(answer.len, 0);
			(void)close(connections[i]);
		}
	}
}
