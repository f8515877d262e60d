/*
 * The HTTP server and its clients under the thread sanitizer: many clients at once, clients that
 * leave, connections that are cut for being late, and a server that stops meanwhile. Criterion
 * aborts under that sanitizer, so this is a program by itself. Exit status 0: all was answered.
 */
#include "common/base/workers.h"
#include "common/net/client.h"
#include "common/net/server.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROUNDS = 3, CLIENTS = 8, EXCHANGES = 100, ANSWER_MAX = 4096 };

static int answer_echo(const struct http_request *request, struct http_response *response,
		       void *context, struct fault *fault)
{
	(void)context;
	(void)fault;
	response->content_type = "text/plain";
	append_bytes(&response->body, request->body);
	return 0;
}

static int answer_fault(const struct http_request *request, struct http_response *response,
			void *context, struct fault *fault)
{
	(void)request;
	(void)response;
	(void)context;
	return set_fault(fault, FAULT_UNDECRYPTABLE, "never to be read");
}

static const struct http_route routes[] = {
	{"POST", "/echo", "text/plain", ANSWER_MAX, answer_echo, false, NULL, ROUTE_PRIVATE},
	{"POST", "/work", "text/plain", ANSWER_MAX, answer_echo, true, NULL, ROUTE_PRIVATE},
	{"POST", "/fault", "text/plain", ANSWER_MAX, answer_fault, true, NULL, ROUTE_PRIVATE},
	{NULL, NULL, NULL, 0, NULL, false, NULL},
};

/* Opens a connection, says something that is no whole request, and leaves. */
static void leave_early(const struct endpoint *endpoint, bool stay)
{
	static const char text[] = "POST /work HTTP/1.1\r\nHost: a\r\n";
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(endpoint->port)};
	int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char octet;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(connection, (const struct sockaddr *)&address, sizeof(address)) == 0) {
		(void)send(connection, text, strlen(text), MSG_NOSIGNAL);
		while (stay && recv(connection, &octet, 1, 0) > 0)
			;
	}
	(void)close(connection);
}

static int exchange_often(size_t index, void *context, struct fault *fault)
{
	static const char *const paths[] = {"/echo", "/work", "/fault", "/none"};
	const struct endpoint *endpoint = context;
	const struct http_client_settings settings = {.endpoint = *endpoint};
	CLEANUP(free_http_client) struct http_client *client = NULL;

	if (new_http_client(&settings, &client, fault) < 0)
		return -1;
	for (size_t i = 0; i < EXCHANGES; i++) {
		CLEANUP(clear_http_answer) struct http_answer answer = {0};
		struct bytes body = bytes_of_string("a request");

		if (exchange_http(client, paths[(index + i) % COUNT_OF(paths)], "text/plain", body,
				  ANSWER_MAX, &answer, fault) < 0)
			return -1;
		if (i % 10 == 0)
			leave_early(endpoint, false);
	}
	return 0;
}

struct stop_context {
	struct http_server *server;
	struct endpoint endpoint;
};

/*
 * The first stays until the server cuts it for being late, and then stops the server while the
 * others ask. They need not be answered: they may be late themselves.
 */
static int exchange_until_stopped(size_t index, void *context, struct fault *fault)
{
	struct stop_context *stop = context;
	struct fault unanswered = {0};

	(void)fault;
	if (index == 0) {
		leave_early(&stop->endpoint, true);
		stop_http_server(&stop->server);
		return 0;
	}
	while (exchange_often(index, &stop->endpoint, &unanswered) == 0)
		;
	return 0;
}

static void ignore_log(void *context, const char *method, const char *path, unsigned int status,
		       const char *text)
{
	(void)context;
	(void)method;
	(void)path;
	(void)status;
	(void)text;
}

static int start(unsigned int request_timeout_s, struct stop_context *ret_stop, struct fault *fault)
{
	const struct http_server_settings settings = {.listen = {1, {{"127.0.0.1", 0, false}}},
						      .routes = routes,
						      .log = ignore_log,
						      .request_timeout_s = request_timeout_s};

	if (start_http_server(&settings, &ret_stop->server, fault) < 0)
		return -1;
	ret_stop->endpoint = http_server_endpoints(ret_stop->server)->endpoints[0];
	return 0;
}

static int run_round(struct fault *fault)
{
	struct stop_context patient = {0};
	struct stop_context stop = {0};
	int answered;

	if (start(0, &patient, fault) < 0)
		return -1;
	answered = run_tasks(CLIENTS, CLIENTS, exchange_often, &patient.endpoint, fault);
	stop_http_server(&patient.server);
	if (answered < 0 || start(1, &stop, fault) < 0)
		return -1;
	return run_tasks(CLIENTS, CLIENTS, exchange_until_stopped, &stop, fault);
}

int main(void)
{
	struct fault fault = {0};

	for (unsigned int round = 0; round < ROUNDS; round++) {
		if (run_round(&fault) == 0)
			continue;
		(void)fprintf(stderr, "race_net: round %u: %s\n", round, fault.text);
		return 1;
	}
	return 0;
}
