#include "common/net/server.h"

#include "common/base/workers.h"
#include "tests/support/expect.h"
#include "tests/support/raw_socket.h"
#include "tests/unit/net/serve.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned int count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned int count = 0;

	cr_assert_not_null(directory);
	while (readdir(directory) != NULL)
		count++;
	(void)closedir(directory);
	return count;
}

static int greet(const struct http_request *request, struct http_response *response, void *context,
		 struct fault *fault)
{
	const char *greeting = context;

	if (request->body.len == 0)
		return set_fault(fault, FAULT_MALFORMED, "expected a name, found none");
	response->content_type = "text/plain";
	append_format(&response->body, "%s, %.*s", greeting, (int)request->body.len,
		      (const char *)request->body.data);
	return 0;
}

/* A server with one route, and a client that asks it. */
Test(server, is_used_like_this)
{
	static const struct http_route greetings[] = {
		{.method = "POST",
		 .path = "/greet",
		 .content_type = "text/plain",
		 .body_max = 100,
		 .handler = greet},
		{0},
	};
	const struct http_server_settings settings = {.listen = {1, {{"127.0.0.1", 0, false}}},
						      .routes = greetings,
						      .context = (char[]){"Hello"}};
	CLEANUP(stop_http_server) struct http_server *server = NULL;
	CLEANUP(free_http_client) struct http_client *client = NULL;
	CLEANUP(clear_http_answer) struct http_answer greeting = {0};
	CLEANUP(clear_http_answer) struct http_answer refusal = {0};
	struct http_client_settings client_settings = {0};

	OK(start_http_server(&settings, &server, &fault));
	client_settings.endpoint = http_server_endpoints(server)->endpoints[0];
	OK(new_http_client(&client_settings, &client, &fault));

	OK(exchange_http(client, "/greet", "text/plain", bytes_of_string("reader"), 100, &greeting,
			 &fault));
	OK(check_http_answer(client, "/greet", &greeting, "text/plain", &fault));
	cr_expect_str_eq((const char *)greeting.body.data, "Hello, reader");

	/* The handler's fault is a problem detail on the wire, and a fault again at the client. */
	OK(exchange_http(client, "/greet", "text/plain", bytes_of_string(""), 1000, &refusal,
			 &fault));
	REFUSED(check_http_answer(client, "/greet", &refusal, "text/plain", &fault), FAULT_REFUSED,
		"answered 400: expected a name, found none");
}

Test(server, says_that_the_port_is_taken)
{
	struct service_under_test service = {0};
	struct http_server_settings settings;
	struct http_server *server = NULL;

	start_service(&service);
	settings = service.settings;
	settings.listen = (struct endpoint_list){1, {service.endpoint}};
	REFUSED(start_http_server(&settings, &server, &fault), FAULT_BUSY,
		"another process already listens there");
	cr_expect_null(server);
	stop_service(&service);
}

Test(server, speaks_ipv6)
{
	struct service_under_test service = {.settings = {.listen = {1, {{"::1", 0, false}}}}};
	CLEANUP(clear_http_answer) struct http_answer answer = {0};
	struct http_client *client;

	start_service(&service);
	client = new_test_client(&service.endpoint);
	cr_expect_eq(post_text(client, "/work", "six", &answer), 200);
	cr_expect_str_eq((const char *)answer.body.data, "six");
	free_http_client(&client);
	stop_service(&service);
}

Test(server, answers_many_requests_on_one_connection)
{
	enum { REQUESTS = 500 };
	struct service_under_test service = {0};
	int connection;

	start_service(&service);
	connection = connect_raw(&service.endpoint);
	for (unsigned int i = 0; i < REQUESTS; i++) {
		CLEANUP(clear_buffer) struct buffer request = {0};
		CLEANUP(clear_buffer) struct buffer answer = {0};

		append_format(&request,
			      "POST /%s HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
			      "Content-Length: 8\r\n\r\n%08u",
			      i % 2 == 0 ? "echo" : "work", i);
		cr_assert(send_raw(connection, bytes_of_buffer(&request)));
		cr_assert(receive_answer(connection, &answer));
		cr_assert_eq(
			memcmp(answer.data + answer.len - 8, request.data + request.len - 8, 8), 0);
	}
	(void)close(connection);
	cr_expect_eq(service.handled, REQUESTS);
	stop_service(&service);
}

Test(server, answers_requests_sent_ahead_in_order)
{
	enum { REQUESTS = 20 };
	struct service_under_test service = {0};
	CLEANUP(clear_buffer) struct buffer requests = {0};
	int connection;

	start_service(&service);
	connection = connect_raw(&service.endpoint);
	for (unsigned int i = 0; i < REQUESTS; i++)
		append_format(&requests,
			      "POST /%s HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
			      "Content-Length: 2\r\n%s\r\n%02u",
			      i % 2 == 0 ? "echo" : "work",
			      i + 1 == REQUESTS ? "Connection: close\r\n" : "", i);
	{
		CLEANUP(clear_buffer) struct buffer answers = {0};
		const char *place;

		cr_assert(send_raw(connection, bytes_of_buffer(&requests)));
		cr_assert(receive_raw(connection, &answers));
		place = (const char *)answers.data;
		for (unsigned int i = 0; i < REQUESTS; i++) {
			char body[] = "\r\n\r\n00";

			body[4] = (char)('0' + i / 10);
			body[5] = (char)('0' + i % 10);
			place = strstr(place, body);
			cr_assert_not_null(place, "answer %u", i);
		}
	}
	(void)close(connection);
	stop_service(&service);
}

static int ask_often(size_t index, void *context, struct fault *fault)
{
	enum { EXCHANGES = 200 };
	const struct endpoint *endpoint = context;
	const struct http_client_settings settings = {.endpoint = *endpoint};
	CLEANUP(free_http_client) struct http_client *client = NULL;

	if (new_http_client(&settings, &client, fault) < 0)
		return -1;
	for (unsigned int i = 0; i < EXCHANGES; i++) {
		CLEANUP(clear_http_answer) struct http_answer answer = {0};
		CLEANUP(clear_buffer) struct buffer body = {0};

		append_format(&body, "%zu asks for the %uth time", index, i);
		if (exchange_http(client, i % 2 == 0 ? "/echo" : "/work", "text/plain",
				  bytes_of_buffer(&body), 1000, &answer, fault) < 0 ||
		    check_http_answer(client, "/echo", &answer, "text/plain", fault) < 0)
			return -1;
		if (!equal_bytes(bytes_of_buffer(&body), bytes_of_buffer(&answer.body)))
			return set_fault(fault, FAULT_FAILED, "another's answer: %s",
					 answer.body.data);
	}
	return 0;
}

/* catalogue 86, 92: no descriptor stays open */
Test(server, answers_many_clients_at_once)
{
	enum { CLIENTS = 8, EXCHANGES = 200 };
	unsigned int before = count_descriptors();
	struct service_under_test service = {0};

	start_service(&service);
	OK(run_tasks(CLIENTS, CLIENTS, ask_often, &service.endpoint, &fault));
	cr_expect_eq(service.handled, CLIENTS * EXCHANGES);
	cr_expect_str_empty((const char *)service.log.data);
	stop_service(&service);
	cr_expect_eq(count_descriptors(), before);
}

/* catalogue 74: connections leave descriptors for the rest of the process; those that wait for a
   worker are not replaced by others */
Test(server, takes_half_of_the_descriptors)
{
	enum { DESCRIPTORS = 64, TRIED = DESCRIPTORS, QUIET_MS = 100 };
	struct service_under_test service = {.settings = {.most_of_client = TRIED}};
	struct pollfd connections[TRIED];
	struct rlimit before;
	struct rlimit few;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){.rlim_cur = DESCRIPTORS, .rlim_max = before.rlim_max};
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	start_service(&service);
	/* The clients' descriptors are in this process, too. */
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	for (size_t i = 0; i < TRIED; i++) {
		connections[i] =
			(struct pollfd){.fd = connect_raw(&service.endpoint), .events = POLLIN};
		cr_assert(say_raw(connections[i].fd,
				  "POST /long HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
				  "Content-Length: 1\r\n\r\nx"));
	}
	while (count_http_connections(service.server).open < DESCRIPTORS / 2)
		(void)poll(NULL, 0, 1);
	cr_expect_eq(poll(connections, TRIED, QUIET_MS), 0);
	cr_expect_eq(count_http_connections(service.server).open, DESCRIPTORS / 2);
	open_gate(&service);
	for (size_t i = 0; i < TRIED; i++) {
		CLEANUP(clear_buffer) struct buffer answer = {0};

		cr_expect(receive_answer(connections[i].fd, &answer), "connection %zu", i);
		cr_expect_eq(status_of(&answer), 200, "connection %zu: %s", i, answer.data);
		(void)close(connections[i].fd);
	}
	stop_service(&service);
}

/* The server's process: serves until `end` is closed, and says on `ready` where. */
static void serve_in_child(unsigned int connections, int ready, int end)
{
	struct service_under_test service = {
		.settings = {.most_connections = connections, .most_per_address = connections}};
	char nothing;

	start_service(&service);
	if (write(ready, &service.endpoint, sizeof(service.endpoint)) < 0 ||
	    read(end, &nothing, 1) < 0)
		_exit(EXIT_FAILURE);
	stop_service(&service);
	_exit(EXIT_SUCCESS);
}

static void ask_health(int connection)
{
	cr_assert(say_raw(connection, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"));
}

static void expect_answer(int connection)
{
	CLEANUP(clear_buffer) struct buffer answer = {0};

	cr_assert(receive_answer(connection, &answer));
	cr_assert_eq(status_of(&answer), 200);
}

static void raise_descriptors(void)
{
	struct rlimit limit;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* catalogue 113: libmicrohttpd takes 128 events at once, and after exactly so many it waits for one
   more before it looks at them. A server that is stopped meanwhile finds all of them at once. */
Test(server, answers_as_many_requests_at_once_as_libmicrohttpd_has_events)
{
	enum { EVENTS = 128, BESIDES = 8 };
	const unsigned int count = EVENTS * count_cores();
	int *connections = calloc(count, sizeof(int));
	struct endpoint endpoint;
	int ready[2];
	int end[2];
	int status = 0;
	pid_t server;

	raise_descriptors();
	cr_assert_not_null(connections);
	cr_assert_eq(pipe2(ready, O_CLOEXEC) + pipe2(end, O_CLOEXEC), 0);
	server = fork();
	cr_assert_geq(server, 0);
	if (server == 0) {
		(void)close(end[1]);
		serve_in_child(count + BESIDES, ready[1], end[0]);
	}
	cr_assert_eq(read(ready[0], &endpoint, sizeof(endpoint)), sizeof(endpoint));
	/* Each connection in turn is on the next thread. */
	for (unsigned int i = 0; i < count; i++) {
		connections[i] = connect_raw(&endpoint);
		ask_health(connections[i]);
		expect_answer(connections[i]);
	}
	cr_assert_eq(kill(server, SIGSTOP), 0);
	cr_assert_eq(waitpid(server, &status, WUNTRACED), server);
	for (unsigned int i = 0; i < count; i++)
		ask_health(connections[i]);
	cr_assert_eq(kill(server, SIGCONT), 0);
	for (unsigned int i = 0; i < count; i++) {
		expect_answer(connections[i]);
		(void)close(connections[i]);
	}
	(void)close(end[1]);
	cr_assert_eq(waitpid(server, &status, 0), server);
	cr_expect_eq(status, 0);
	free(connections);
}

/* Asks until the server takes no more requests, because it is stopping. */
static void await_refusal(const struct service_under_test *service)
{
	int result = 0;

	while (result == 0) {
		CLEANUP(clear_http_answer) struct http_answer answer = {0};
		struct http_client *client = new_test_client(&service->endpoint);
		struct fault fault = {0};

		result = exchange_http(client, "/health", NULL, (struct bytes){0}, 10, &answer,
				       &fault);
		free_http_client(&client);
	}
}

enum { ROLE_STOP, ROLE_OPEN, ROLE_ASK };

static int play_role(size_t index, void *context, struct fault *fault)
{
	struct service_under_test *service = context;
	CLEANUP(clear_http_answer) struct http_answer answer = {0};
	struct http_client *client;

	(void)fault;
	if (index < ROLE_ASK)
		await_waiting(service, count_cores());
	switch (index) {
	case ROLE_STOP:
		stop_http_server(&service->server);
		return 0;
	case ROLE_OPEN:
		await_refusal(service);
		open_gate(service);
		return 0;
	default:
		client = new_test_client(&service->endpoint);
		cr_expect_eq(post_text(client, "/long", "finished", &answer), 200);
		cr_expect_str_eq((const char *)answer.body.data, "finished");
		free_http_client(&client);
		return 0;
	}
}

/* catalogue 77: the work ends only after the server began to stop */
Test(server, finishes_what_it_works_on_before_it_stops)
{
	unsigned int roles = ROLE_ASK + count_cores();

	for (unsigned int round = 0; round < 20; round++) {
		struct service_under_test service = {0};

		start_service(&service);
		OK(run_tasks(roles, roles, play_role, &service, &fault));
		cr_expect_eq(service.handled, count_cores());
		stop_service(&service);
	}
}

Test(server, stops_while_clients_ask_and_idle)
{
	static const char *const requests[] = {"GET /heal", "",
					       "POST /echo HTTP/1.1\r\nHost: a\r\n",
					       "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"};

	for (unsigned int round = 0; round < 20; round++) {
		struct service_under_test service = {0};
		int connections[COUNT_OF(requests)];

		start_service(&service);
		for (size_t i = 0; i < COUNT_OF(requests); i++) {
			connections[i] = connect_raw(&service.endpoint);
			cr_assert(say_raw(connections[i], requests[i]));
		}
		stop_service(&service);
		for (size_t i = 0; i < COUNT_OF(requests); i++) {
			CLEANUP(clear_buffer) struct buffer answer = {0};

			cr_expect(receive_raw(connections[i], &answer));
			(void)close(connections[i]);
		}
	}
}

/* Random octets, often similar to HTTP. */
static void append_noise(struct buffer *request, unsigned int *seed)
{
	static const char *const words[] = {
		"GET ",
		"POST ",
		"/echo",
		"/health",
		" HTTP/1.1",
		"\r\n",
		"Host: a\r\n",
		"Content-Length: ",
		"5",
		"99999999999",
		"Transfer-Encoding: ",
		"chunked\r\n",
		"\r\n\r\n",
		":",
		"Content-Type: text/plain\r\n",
		"0\r\n\r\n",
		"\t",
		"Expect: 100-continue\r\n",
		"Connection: Upgrade\r\nUpgrade: h2c\r\n",
	};
	unsigned int count = (unsigned int)rand_r(seed) % 30;

	for (unsigned int i = 0; i < count; i++) {
		const uint8_t octet = (uint8_t)rand_r(seed);

		if (rand_r(seed) % 8 == 0)
			append_bytes(request, (struct bytes){&octet, 1});
		else
			append_string(request, words[(unsigned int)rand_r(seed) % COUNT_OF(words)]);
	}
}

Test(server, survives_noise)
{
	enum { NOISES = 3000 };
	struct service_under_test service = {.settings = {.most_per_address = NOISES}};
	CLEANUP(clear_http_answer) struct http_answer answer = {0};
	struct http_client *client;
	unsigned int seed = 20261123;

	start_service(&service);
	for (unsigned int i = 0; i < NOISES; i++) {
		CLEANUP(clear_buffer) struct buffer request = {0};
		int connection = connect_raw(&service.endpoint);

		append_noise(&request, &seed);
		(void)send_raw(connection, bytes_of_buffer(&request));
		(void)close(connection);
	}
	client = new_test_client(&service.endpoint);
	cr_expect_eq(post_text(client, "/echo", "still here", &answer), 200);
	free_http_client(&client);
	stop_service(&service);
}
