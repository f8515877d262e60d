#include "common/net/response.h"

#include "tests/support/expect.h"
#include "tests/support/raw_socket.h"
#include "tests/unit/net/serve.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct service_under_test service;

static void set_up(void)
{
	start_service(&service);
}

static void tear_down(void)
{
	stop_service(&service);
}

TestSuite(response, .init = set_up, .fini = tear_down);

/* The answer to a request with these further fields. */
static void ask_by_method(const char *method, const char *path, const char *fields,
			  struct buffer *ret_answer)
{
	CLEANUP(clear_buffer) struct buffer request = {0};
	int connection = connect_raw(&service.endpoint);

	append_format(&request, "%s %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s\r\n", method,
		      path, fields);
	cr_assert(say_raw(connection, (const char *)request.data));
	cr_assert(receive_raw(connection, ret_answer));
	(void)close(connection);
	cr_assert_not_null(ret_answer->data);
}

static void get_raw(const char *path, const char *fields, struct buffer *ret_answer)
{
	ask_by_method("GET", path, fields, ret_answer);
}

Test(response, has_the_fields_of_its_handler_and_its_reason_in_the_log)
{
	static const char *const lines[] = {"HTTP/1.1 404 ", "\r\nLocation: /there\r\n",
					    "\r\nReplay-Nonce: 7\r\n", "\r\n\r\nbody"};
	CLEANUP(clear_buffer) struct buffer answer = {0};

	get_raw("/fields?there", "", &answer);
	for (size_t i = 0; i < COUNT_OF(lines); i++)
		cr_expect_not_null(strstr((const char *)answer.data, lines[i]), "%s in %s",
				   lines[i], answer.data);
	cr_expect(await_log(&service, "GET /fields 404 nothing at this place"));
}

Test(response, to_a_HEAD_has_the_fields_and_no_body)
{
	CLEANUP(clear_buffer) struct buffer answer = {0};

	ask_by_method("HEAD", "/fields?there", "", &answer);
	cr_expect_not_null(strstr((const char *)answer.data, "HTTP/1.1 200 "));
	cr_expect_not_null(strstr((const char *)answer.data, "\r\nLocation: /there\r\n"));
	cr_expect_null(strstr((const char *)answer.data, "body"));
}

Test(response, fails_with_more_fields_than_there_may_be)
{
	CLEANUP(clear_buffer) struct buffer answer = {0};

	get_raw("/fields?many", "", &answer);
	cr_expect_not_null(strstr((const char *)answer.data, "HTTP/1.1 500 "));
}

Test(response, says_how_long_it_may_be_cached)
{
	static const char *const lines[] = {
		"HTTP/1.1 200 ",
		"\r\nETag: \"tag\"\r\n",
		"\r\nLast-Modified: Thu, 01 Jan 1970 00:16:30 GMT\r\n",
		"\r\nExpires: Thu, 01 Jan 1970 00:18:20 GMT\r\n",
		"\r\nCache-Control: max-age=100, public, no-transform, must-revalidate\r\n",
		"\r\n\r\nshared",
	};
	CLEANUP(clear_buffer) struct buffer answer = {0};

	get_raw("/shared", "", &answer);
	for (size_t i = 0; i < COUNT_OF(lines); i++)
		cr_expect_not_null(strstr((const char *)answer.data, lines[i]), "%s in %s",
				   lines[i], answer.data);
}

Test(response, is_not_sent_again_to_a_client_that_has_it)
{
	static const struct {
		const char *fields;
		bool spared;
	} rows[] = {
		{"If-None-Match: \"tag\"\r\n", true},
		{"If-None-Match: W/\"tag\"\r\n", true},
		{"If-None-Match: \"other\", \"tag\"\r\n", true},
		{"If-None-Match: *\r\n", true},
		{"If-None-Match: \"other\"\r\n", false},
		{"If-None-Match: tag\r\n", false},
		{"If-None-Match: \"tag2\"\r\n", false},
		{"If-None-Match: \"ta\"\r\n", false},
		{"If-None-Match: \r\n", false},
		{"", false},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer answer = {0};
		bool spared;

		get_raw("/shared", rows[i].fields, &answer);
		spared = strstr((const char *)answer.data, "HTTP/1.1 304 ") != NULL;
		cr_expect_eq(spared, rows[i].spared, "row %zu: %s", i, answer.data);
		cr_expect_eq(strstr((const char *)answer.data, "\r\n\r\nshared") == NULL,
			     rows[i].spared, "row %zu", i);
	}
}

Test(response, is_sent_to_many_from_one_body)
{
	enum { TIMES = 20 };
	struct http_client *client;

	client = new_test_client(&service.endpoint);
	for (size_t i = 0; i < TIMES; i++) {
		CLEANUP(clear_http_answer) struct http_answer answer = {0};

		OK(exchange_http(client, "/shared", NULL, (struct bytes){0}, 100, &answer, &fault));
		cr_expect(equal_bytes(bytes_of_buffer(&answer.body), bytes_of_string("shared")));
	}
	free_http_client(&client);
}

/* A route that ends in '/' stands for the paths below it, and no others. */
Test(response, passes_the_path_below_a_route_as_sent)
{
	static const struct {
		const char *target;
		const char *found;
	} rows[] = {
		{"/below/", "\r\n\r\n/below/"},
		{"/below/a/%2b%2F=?query", "\r\n\r\n/below/a/%2b%2F="},
		{"/below", "HTTP/1.1 404 "},
		{"/belows", "HTTP/1.1 404 "},
		{"/shared/x", "HTTP/1.1 404 "},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer answer = {0};
		const char *end;

		get_raw(rows[i].target, "", &answer);
		end = strstr((const char *)answer.data, rows[i].found);
		cr_assert_not_null(end, "row %zu: %s", i, answer.data);
		cr_expect(rows[i].found[0] == 'H' || strcmp(end, rows[i].found) == 0, "%s", end);
	}
}

Test(response, is_counted_by_its_route)
{
	CLEANUP(clear_buffer) struct buffer answer = {0};
	CLEANUP(clear_buffer) struct buffer missing = {0};
	struct route_statistics rows[32];
	uint64_t found = 0;
	size_t count;

	get_raw("/shared", "", &answer);
	get_raw("/nothing", "", &missing);
	cr_assert(await_log(&service, "/nothing 404"));
	do {
		count = copy_http_statistics(service.server, rows, COUNT_OF(rows));
		cr_assert_leq(count, COUNT_OF(rows));
		found = 0;
		for (size_t i = 0; i < count; i++) {
			found += rows[i].answers[2] + rows[i].answers[4];
			cr_expect(rows[i].answers[2] == 0 ||
				  strcmp(rows[i].route->path, "/shared") == 0);
			cr_expect(rows[i].answers[4] == 0 || rows[i].route == NULL);
		}
	} while (found < 2);
	while (count_http_connections(service.server).open > 0)
		(void)usleep(1000);
}

#define CLOSE "Connection: close\r\n"

static void name_route(const struct http_route *route, struct http_response *response,
		       void *context)
{
	if (strcmp(route->path, "/echo") == 0 || strcmp(route->path, "/fault") == 0)
		add_response_field(response, "Replay-Nonce", "%s", (const char *)context);
}

Test(response, has_the_fields_of_the_servers_owner_in_refusals)
{
	static const struct {
		const char *request;
		unsigned int status;
		bool added;
	} rows[] = {
		{"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
		 "Content-Length: 1001\r\n\r\n",
		 413, true},
		{"POST /echo HTTP/1.1\r\nHost: a\r\n" CLOSE "Content-Type: a/b\r\n\r\n", 415, true},
		{"POST /fault HTTP/1.1\r\nHost: a\r\n" CLOSE "Content-Type: text/plain\r\n"
		 "Content-Length: 2\r\n\r\n10",
		 503, true},
		{"POST /echo HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, true},
		{"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 411, true},
		{"POST /large HTTP/1.1\r\nHost: a\r\n" CLOSE "Content-Type: a/b\r\n\r\n", 415,
		 false},
		{"POST /nothing HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, false},
		{"GET /echo HTTP/1.1\r\nHost: a\r\n" CLOSE "\r\n", 405, false},
		{"GET /nothing HTTP/1.1\r\nHost: a\r\n" CLOSE "\r\n", 404, false},
	};
	char nonce[] = "a-nonce";

	stop_service(&service);
	service.settings.refusal_fields = name_route;
	service.settings.refusal_context = nonce;
	start_service(&service);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer)
		struct buffer answer = ask_raw(&service.endpoint, bytes_of_string(rows[i].request));
		const char *text = (const char *)answer.data;

		cr_expect_eq(status_of(&answer), rows[i].status, "row %zu: %s", i, text);
		cr_expect_eq(strstr(text, "Replay-Nonce: a-nonce\r\n") != NULL, rows[i].added,
			     "row %zu: %s", i, text);
	}
}

Test(response, has_a_body_but_for_head_and_some_statuses)
{
	cr_expect(sends_body("GET", 200, 1));
	cr_expect(sends_body("POST", 503, 1));
	cr_expect_not(sends_body("GET", 200, 0));
	cr_expect_not(sends_body("HEAD", 200, 1));
	cr_expect_not(sends_body("GET", 204, 1));
	cr_expect_not(sends_body("GET", 304, 1));
	cr_expect_not(sends_body("GET", 100, 1));
}
