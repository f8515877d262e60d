/*
 * Our HTTP server with a handler that does nothing: the limit for the rate of our answers.
 * Prints its endpoint, answers POST and GET at "/" (bodies of up to 1 MiB are read), and stops when
 * standard input ends.
 */
#include "common/net/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BODY_MAX = 1 << 20 };

static int answer_nothing(const struct http_request *request, struct http_response *response,
			  void *context, struct fault *fault)
{
	(void)request;
	(void)response;
	(void)context;
	(void)fault;
	return 0;
}

static const struct http_route routes[] = {
	{"POST", "/", "application/octet-stream", BODY_MAX, answer_nothing, false, NULL,
	 ROUTE_PRIVATE},
	{"GET", "/", NULL, 0, answer_nothing, false, NULL, ROUTE_PRIVATE},
	{0},
};

int main(void)
{
	const struct http_server_settings settings = {.listen = {1, {{"127.0.0.1", 0, false}}},
						      .routes = routes};
	CLEANUP(stop_http_server) struct http_server *server = NULL;
	char text[ENDPOINT_TEXT_SIZE];
	struct fault fault = {0};
	char octet;

	if (start_http_server(&settings, &server, &fault) < 0) {
		(void)fprintf(stderr, "empty_server: %s\n", fault.text);
		return EXIT_FAILURE;
	}
	format_endpoint(&http_server_endpoints(server)->endpoints[0], text);
	printf("%s\n", text);
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &octet, 1) > 0)
		;
	return EXIT_SUCCESS;
}
