#include "common/net/client/client.h"

#include "common/net/http.h"
#include "tests/support/expect.h"
#include "tests/support/raw_socket.h"
#include "tests/unit/net/client/failing_curl.h"
#include "tests/unit/net/serve.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define OK_HELLO                                                                                   \
	"HTTP/1.1 200 OK\r\nContent-Type: Text/Plain; charset=utf-8\r\n"                           \
	"Content-Length: 5\r\n\r\nhello"

/* A label of 64 octets, one more than may be (RFC 1035 section 2.3.4): nobody is asked about it. */
#define NO_HOST "no-such-host-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

#define CHUNKS "2\r\nhe\r\n3\r\nllo\r\n0\r\nTrailer: x\r\n\r\n"

Test(client, says_which_option_cannot_be_set)
{
	static const struct {
		CURLoption option;
		const char *text;
	} rows[] = {
		{CURLOPT_ERRORBUFFER, "CURLOPT_ERRORBUFFER: Out of memory"},
		{CURLOPT_PROTOCOLS_STR, "CURLOPT_PROTOCOLS_STR: Out of memory"},
		{CURLOPT_TIMEOUT_MS, "CURLOPT_TIMEOUT_MS: Out of memory"},
		{CURLOPT_WRITEFUNCTION, "CURLOPT_WRITEFUNCTION: Out of memory"},
		{CURLOPT_HEADERFUNCTION, "CURLOPT_HEADERFUNCTION: Out of memory"},
	};
	const struct http_client_settings settings = {.endpoint = {"127.0.0.1", 1, false}};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct http_client *client = NULL;

		failing_option = rows[i].option;
		REFUSED(new_http_client(&settings, &client, &fault), FAULT_FAILED, rows[i].text);
		cr_expect_null(client);
	}
}

/* Sends a request to a server that plays the script; body NULL is a GET. */
static int ask_scripted(const struct script *script, const char *body, long timeout_ms,
			struct http_answer *ret_answer, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer request = {0};
	struct endpoint endpoint;
	struct scripted_server *server = start_scripted_server(script, &endpoint);
	const struct http_client_settings settings = {.endpoint = endpoint,
						      .timeout_ms = timeout_ms};
	struct http_client *client = NULL;
	int result;

	cr_assert_eq(new_http_client(&settings, &client, fault), 0);
	result = exchange_http(client, "/v1/status", "text/plain",
			       body != NULL ? bytes_of_string(body) : (struct bytes){0}, 100,
			       ret_answer, fault);
	free_http_client(&client);
	(void)stop_scripted_server(&server, &request);
	return result;
}

/* catalogue 56: none of these is accepted as an answer */
Test(client, refuses_what_is_no_whole_answer)
{
	static const struct {
		const char *answer;
		enum fault_class class;
		const char *text;
	} rows[] = {
		/* catalogue 115: as by a server with too many connections */
		{"", FAULT_BUSY, "the connection was closed before an answer"},
		{"SSH-2.0-OpenSSH_9.2\r\n", FAULT_UNREACHABLE, "does not speak HTTP"},
		{"\x15\x03\x01\x00\x02\x02\x16", FAULT_UNREACHABLE, "does not speak HTTP"},
		{"<html>old</html>", FAULT_UNREACHABLE, "does not speak HTTP"},
		{"HTTP/1.1 20", FAULT_BUSY, "the connection was closed before an answer"},
		{"HTTP/1.1 200 OK\r\nContent-Le", FAULT_UNREACHABLE, ""},
		{"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", FAULT_UNREACHABLE,
		 "the connection was lost before the whole answer came"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", FAULT_UNREACHABLE,
		 "the connection was lost before the whole answer came"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello",
		 FAULT_UNREACHABLE, ""},
		{"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", FAULT_UNREACHABLE, ""},
		{"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", FAULT_UNREACHABLE,
		 "the connection was lost"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct script script = {.answer = bytes_of_string(rows[i].answer)};
		struct http_answer answer = {.status = 7};

		REFUSED(ask_scripted(&script, i % 2 == 0 ? "body" : NULL, 0, &answer, &fault),
			rows[i].class, rows[i].text, "row %zu", i);
		cr_expect_eq(strncmp(last_refusal()->text, "http://127.0.0.1:", 17), 0, "%s",
			     last_refusal()->text);
		SAID("/v1/status: ");
		cr_expect_eq(answer.status, 7);
	}
}

Test(client, refuses_an_answer_over_its_limit)
{
	static const char *const heads[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n",
		"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n",
	};

	for (size_t i = 0; i < COUNT_OF(heads); i++) {
		CLEANUP(clear_buffer) struct buffer text = {0};
		struct http_answer answer = {0};

		append_format(&text, "%s%0101d", heads[i], 0);
		REFUSED(ask_scripted(&(struct script){.answer = bytes_of_buffer(&text)}, NULL, 0,
				     &answer, &fault),
			FAULT_TOO_LARGE, "the answer is larger than the 100 octets expected");
		cr_expect_null(answer.body.data);
	}
}

Test(client, refuses_a_head_without_end)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	struct http_answer answer = {0};

	append_string(&text, "HTTP/1.1 200 OK\r\n");
	for (unsigned int i = 0; i < 10000; i++)
		append_format(&text, "X-%u: %060d\r\n", i, 0);
	REFUSED(ask_scripted(&(struct script){.answer = bytes_of_buffer(&text)}, NULL, 0, &answer,
			     &fault),
		FAULT_UNREACHABLE, NULL);
}

/* catalogue 56 */
Test(client, gives_up_in_time)
{
	struct http_answer answer = {0};

	REFUSED(ask_scripted(&(struct script){.silent = true}, "body", 300, &answer, &fault),
		FAULT_UNREACHABLE, "/v1/status: no answer in time (");
	SAID("): try again");
}

static void *cancel(void *client)
{
	cancel_http_client(client);
	return NULL;
}

/* catalogue 118: at once, whether it has begun or not, and for good */
Test(client, ends_an_exchange_that_another_thread_cancels)
{
	CLEANUP(clear_buffer) struct buffer request = {0};
	struct http_client_settings settings = {.cancellable = true};
	struct scripted_server *server =
		start_scripted_server(&(struct script){.silent = true}, &settings.endpoint);
	CLEANUP(free_http_client) struct http_client *client = NULL;
	struct http_answer answer = {0};
	pthread_t other;

	OK(new_http_client(&settings, &client, &fault));
	cr_assert_eq(pthread_create(&other, NULL, cancel, client), 0);
	for (int i = 0; i < 2; i++) {
		REFUSED(exchange_http(client, "/x", NULL, (struct bytes){0}, 10, &answer, &fault),
			FAULT_UNREACHABLE, "/x: this process stops and waits no longer (");
	}
	(void)pthread_join(other, NULL);
	(void)stop_scripted_server(&server, &request);
}

Test(client, answers_through_a_client_that_can_be_cancelled)
{
	CLEANUP(clear_buffer) struct buffer request = {0};
	struct http_client_settings settings = {.cancellable = true};
	struct scripted_server *server = start_scripted_server(
		&(struct script){.answer = bytes_of_string(OK_HELLO), .keep = true},
		&settings.endpoint);
	CLEANUP(free_http_client) struct http_client *client = NULL;

	OK(new_http_client(&settings, &client, &fault));
	for (int i = 0; i < 3; i++) {
		CLEANUP(clear_http_answer) struct http_answer answer = {0};

		OK(exchange_http(client, "/x", "text/plain", bytes_of_string("body"), 10, &answer,
				 &fault));
		cr_expect_eq(answer.status, 200);
		cr_expect_str_eq((const char *)answer.body.data, "hello");
	}
	free_http_client(&client);
	cr_expect_eq(stop_scripted_server(&server, &request), 1, "one connection, kept alive");
}

Test(client, says_when_nobody_listens)
{
	static const char *const hosts[] = {"127.0.0.1", "::1"};
	static const char *const starts[] = {"http://127.0.0.1:1/x: ", "http://[::1]:1/x: "};

	for (size_t i = 0; i < COUNT_OF(hosts); i++) {
		struct http_client_settings settings = {.endpoint = {.port = 1}};
		CLEANUP(free_http_client) struct http_client *client = NULL;
		struct http_answer answer = {0};

		memcpy(settings.endpoint.host, hosts[i], strlen(hosts[i]) + 1);
		OK(new_http_client(&settings, &client, &fault));
		REFUSED(exchange_http(client, "/x", NULL, (struct bytes){0}, 10, &answer, &fault),
			FAULT_UNREACHABLE,
			"nobody listens there (Connection refused): start the "
			"server, or check the endpoint in the manifest");
		cr_expect_eq(strncmp(last_refusal()->text, starts[i], strlen(starts[i])), 0, "%s",
			     last_refusal()->text);
	}
}

Test(client, says_when_the_host_has_no_address)
{
	const struct http_client_settings settings = {.endpoint = {NO_HOST, 1, false}};
	CLEANUP(free_http_client) struct http_client *client = NULL;
	struct http_answer answer = {0};

	OK(new_http_client(&settings, &client, &fault));
	REFUSED(exchange_http(client, "/", NULL, (struct bytes){0}, 10, &answer, &fault),
		FAULT_UNREACHABLE, "the host has no address");
}

/* catalogue 56 */
Test(client, follows_no_redirect)
{
	struct service_under_test service = {0};
	CLEANUP(clear_buffer) struct buffer text = {0};
	CLEANUP(clear_http_answer) struct http_answer answer = {0};
	char elsewhere[ENDPOINT_TEXT_SIZE];

	start_service(&service);
	format_endpoint(&service.endpoint, elsewhere);
	append_format(&text,
		      "HTTP/1.1 307 Temporary Redirect\r\nLocation: %s/echo\r\n"
		      "Content-Length: 0\r\n\r\n",
		      elsewhere);
	OK(ask_scripted(&(struct script){.answer = bytes_of_buffer(&text)}, "body", 0, &answer,
			&fault));
	cr_expect_eq(answer.status, 307);
	cr_expect_eq(service.handled, 0);
	stop_service(&service);
}

Test(client, uses_no_proxy)
{
	struct service_under_test service = {0};
	CLEANUP(clear_http_answer) struct http_answer answer = {0};
	struct http_client *client;

	cr_assert_eq(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
	cr_assert_eq(setenv("ALL_PROXY", "http://127.0.0.1:1", 1), 0);
	start_service(&service);
	client = new_test_client(&service.endpoint);
	cr_expect_eq(post_text(client, "/echo", "direct", &answer), 200);
	free_http_client(&client);
	stop_service(&service);
}

Test(client, reads_an_answer)
{
	static const char *const rows[] = {
		OK_HELLO,
		"HTTP/1.1 100 Continue\r\n\r\n" OK_HELLO,
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhello",
		"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: "
		"text/plain\r\n\r\n" CHUNKS,
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_http_answer) struct http_answer answer = {0};

		OK(ask_scripted(&(struct script){.answer = bytes_of_string(rows[i])}, "body", 0,
				&answer, &fault),
		   "row %zu", i);
		cr_expect_eq(answer.status, 200);
		cr_expect_str_eq(answer.content_type, "text/plain");
		cr_expect_str_eq((const char *)answer.body.data, "hello");
	}
}

/* Many requests, one connection; the server counts. */
Test(client, keeps_its_connection)
{
	enum { EXCHANGES = 50, LARGE = 300000 };
	const struct script script = {.answer = bytes_of_string(OK_HELLO), .keep = true};
	CLEANUP(clear_buffer) struct buffer request = {0};
	CLEANUP(clear_buffer) struct buffer large = {0};
	struct endpoint endpoint;
	struct scripted_server *server = start_scripted_server(&script, &endpoint);
	struct http_client *client = new_test_client(&endpoint);

	append_format(&large, "%0*d", (int)LARGE, 0);
	for (unsigned int i = 0; i < EXCHANGES; i++) {
		CLEANUP(clear_http_answer) struct http_answer answer = {0};
		const char *body = i % 10 == 9 ? (const char *)large.data : "small";

		if (i % 3 == 0)
			OK(exchange_http(client, "/get", NULL, (struct bytes){0}, 5, &answer,
					 &fault));
		else
			cr_assert_eq(post_text(client, "/post", body, &answer), 200);
		cr_expect_str_eq((const char *)answer.body.data, "hello");
	}
	free_http_client(&client);
	cr_expect_eq(stop_scripted_server(&server, &request), 1);
}

Test(client, comes_back_when_the_server_closed_the_connection)
{
	const struct script script = {.answer = bytes_of_string(OK_HELLO)};
	CLEANUP(clear_buffer) struct buffer request = {0};
	struct endpoint endpoint;
	struct scripted_server *server = start_scripted_server(&script, &endpoint);
	struct http_client *client = new_test_client(&endpoint);

	(void)signal(SIGPIPE, SIG_DFL);
	for (unsigned int i = 0; i < 20; i++) {
		CLEANUP(clear_http_answer) struct http_answer answer = {0};

		cr_expect_eq(post_text(client, "/post", "again", &answer), 200);
	}
	free_http_client(&client);
	cr_expect_eq(stop_scripted_server(&server, &request), 20);
}

Test(client, says_no_more_than_it_must)
{
	const struct script script = {.answer = bytes_of_string(OK_HELLO)};
	CLEANUP(clear_buffer) struct buffer request = {0};
	CLEANUP(clear_http_answer) struct http_answer answer = {0};
	CLEANUP(clear_buffer) struct buffer large = {0};
	struct endpoint endpoint;
	struct scripted_server *server = start_scripted_server(&script, &endpoint);
	struct http_client *client = new_test_client(&endpoint);
	static const char start[] = "POST /v1/x HTTP/1.1\r\nHost: 127.0.0.1:";
	const char *text;

	append_format(&large, "%02000000d", 0);
	cr_expect_eq(post_text(client, "/v1/x", (const char *)large.data, &answer), 200);
	free_http_client(&client);
	(void)stop_scripted_server(&server, &request);
	text = (const char *)request.data;
	cr_assert_not_null(text);
	cr_expect_eq(strncmp(text, start, strlen(start)), 0);
	cr_expect_not_null(strstr(text, "\r\nContent-Type: text/plain\r\n"));
	cr_expect_null(strcasestr(text, "Expect:"));
	cr_expect_null(strcasestr(text, "Accept-Encoding:"));
	cr_expect_null(strcasestr(text, "Transfer-Encoding:"));
	cr_expect_null(strcasestr(text, "Cookie:"));
	cr_expect_null(strcasestr(text, "Authorization:"));
}

Test(client, turns_answers_into_faults)
{
	static const struct {
		unsigned int status;
		const char *type;
		const char *body;
		enum fault_class class;
		const char *text;
	} rows[] = {
		{413, CONTENT_PROBLEM, "{\"detail\":\"too long\"}", FAULT_TOO_LARGE,
		 "http://[::1]:8440/v1/status: answered 413: too long"},
		{503, CONTENT_PROBLEM, "{\"title\":\"Busy\"}", FAULT_BUSY, "answered 503: Busy"},
		{429, "", "", FAULT_BUSY, "answered 429 without a problem detail"},
		{400, CONTENT_PROBLEM, "{\"detail\":\"a\\nb\"}", FAULT_REFUSED,
		 "answered 400: a?b"},
		{401, "text/html", "{\"detail\":\"x\"}", FAULT_REFUSED, "answered 401 without"},
		{403, CONTENT_PROBLEM, "{", FAULT_REFUSED, "answered 403 without"},
		{404, CONTENT_PROBLEM, "{\"detail\":\"no\"}", FAULT_NOT_FOUND, "answered 404: no"},
		{500, CONTENT_PROBLEM, "{\"detail\":\"no\"}", FAULT_UNREACHABLE,
		 "answered 500: no"},
		{302, "", "", FAULT_UNREACHABLE, "answered 302 without"},
		{204, CONTENT_JOSE, "x", FAULT_UNREACHABLE, "answered 204 without"},
		{200, "text/html", "<html>", FAULT_UNREACHABLE,
		 "expected an answer of type application/jose, found text/html"},
		{200, "", "x", FAULT_UNREACHABLE,
		 "expected an answer of type application/jose, found none"},
	};
	const struct http_client_settings settings = {.endpoint = {"::1", 8440, false}};
	CLEANUP(free_http_client) struct http_client *client = NULL;

	OK(new_http_client(&settings, &client, &fault));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_http_answer)
		struct http_answer answer = {.status = rows[i].status};

		parse_media_type(rows[i].type, answer.content_type);
		append_string(&answer.body, rows[i].body);
		REFUSED(check_http_answer(client, "/v1/status", &answer, CONTENT_JOSE, &fault),
			rows[i].class, rows[i].text);
	}
}

Test(client, takes_the_answer_it_expects)
{
	const struct http_client_settings settings = {.endpoint = {"127.0.0.1", 8440, false}};
	const struct http_answer answer = {.status = 200, .content_type = CONTENT_JOSE};
	CLEANUP(free_http_client) struct http_client *client = NULL;
	struct fault fault = {0};

	cr_assert_eq(new_http_client(&settings, &client, &fault), 0);
	cr_expect_eq(check_http_answer(client, "/", &answer, CONTENT_JOSE, &fault), 0);
	cr_expect_eq(fault.class, FAULT_NONE);
}
