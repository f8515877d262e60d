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
