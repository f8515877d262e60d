#include "common/net/request_head.h"

#include "tests/support/raw_socket.h"
#include "tests/unit/net/serve.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The beginning of a POST, which lacks only the length of its body. */
#define POST "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
#define GET "GET /health HTTP/1.1\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n"

struct row {
	const char *request;
	const char *detail; /* NULL: libmicrohttpd itself refuses */
};

/* catalogue 70: each is refused with 400, and the connection closed */
static const struct row ambiguous[] = {
	{POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx",
	 "the field Content-Length is repeated: 2 times"},
	{POST "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
	 "the field Content-Length is repeated: 2 times"},
	{POST "content-length: 1\r\nCONTENT-LENGTH: 0\r\n\r\nx",
	 "the field Content-Length is repeated: 2 times"},
	{POST "Content-Length: 1, 1\r\n\r\nx", NULL},
	{POST "Content-Length: -1\r\n\r\nx", NULL},
	{POST "Content-Length: +1\r\n\r\nx", NULL},
	{POST "Content-Length: 0x1\r\n\r\nx", NULL},
	{POST "Content-Length: \r\n\r\nx", NULL},
	{POST "Content-Length: 0000000000000000001\r\n\r\nx", "Content-Length is no number"},
	{POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	 "Content-Length and Transfer-Encoding contradict each other"},
	{POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
	 "Content-Length and Transfer-Encoding contradict each other"},
	{POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	 "the field Transfer-Encoding is repeated: 2 times"},
	{POST "Transfer-Encoding: identity\r\nContent-Length: 1\r\n\r\nx", "contradict each other"},
	{POST "Content-Type: text/plain\r\nContent-Length: 1\r\n\r\nx",
	 "the field Content-Type is repeated: 2 times"},
	{GET "\r\n", "expected a field Host with HOST or HOST:PORT, found none"},
	{"GET /health HTTP/1.0\r\n\r\n", "found none"},
	{GET "Host: a\r\nHost: a\r\n\r\n", "the field Host is repeated: 2 times"},
	{GET "Host: \r\n\r\n", "found something else"},
	{GET "Host: a/b\r\n\r\n", "found something else"},
	{GET "Host: a, b\r\n\r\n", "found something else"},
	{GET "Host: u@a\r\n\r\n", "found something else"},
	{GET "Host: http://a\r\n\r\n", "found something else"},
	{GET "Host: a:\r\n\r\n", "found something else"},
	{GET "Host: a:80a\r\n\r\n", "found something else"},
	{GET "Host: a:123456\r\n\r\n", "found something else"},
	{GET "Host: :80\r\n\r\n", "found something else"},
	{GET "Host: ::1\r\n\r\n", "found something else"},
	{GET "Host: [::1\r\n\r\n", "found something else"},
	{GET "Host: [::1]x\r\n\r\n", "found something else"},
	{GET "Host: [a]\r\n\r\n", "found something else"},
	{GET "Host: [0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]\r\n\r\n",
	 "found something else"},
	{GET "Host: a\x01\r\n\r\n", "found something else"},
	{GET "Host: a\rX: y\r\n\r\n", "found something else"},
	{GET "Host: a \r\n\r\n", "found something else"},
	{GET "Host : a\r\n\r\n", "the name of a field is no token"},
	{GET " Host: a\r\n\r\n", "the name of a field is no token"},
	{GET "Host: a\r\nX: b\r\n c\r\n\r\n", "a line of the head is folded"},
	{GET "Host: a\r\nX: b\r\n\tc\r\n\r\n", "a line of the head is folded"},
	{GET "Host: a\r\n\tb\r\n\r\n", "expected a field Host"},
	{GET "Host:a\r\n\r\n", "a line of the head is folded"},
	{GET "Host:  a\r\n\r\n", "a line of the head is folded"},
	{"GET /health HTTP/1.1\nHost: a\n\n", "ends in LF without CR"},
	{GET "Host: a\nX: y\r\n\r\n", "ends in LF without CR"},
	{GET "Host: a\r\n\n", "ends in LF without CR"},
	{GET "Host: a\r\n: x\r\n\r\n", "a line of the head"},
	{GET "Host: a\r\nfoo\r\n\r\n", NULL},
	{"FOO /health HTTP/1.1\r\nHost: a\r\n\r\n", "the method is unknown"},
	{"get /health HTTP/1.1\r\nHost: a\r\n\r\n", "the method is unknown"},
	{"GET-----------------------------------/ / HTTP/1.1\r\nHost: a\r\n\r\n",
	 "the method is unknown"},
	{"GET /hea lth HTTP/1.1\r\nHost: a\r\n\r\n", "expected a request target"},
	{"GET /health\x01 HTTP/1.1\r\nHost: a\r\n\r\n", "expected a request target"},
	{"GET /h\xc3\xa4lth HTTP/1.1\r\nHost: a\r\n\r\n", "expected a request target"},
	{"GET  /health HTTP/1.1\r\nHost: a\r\n\r\n", ""},
	{"GET /health\r\n\r\n", NULL},
	{"GET /health FTP/1.1\r\nHost: a\r\n\r\n", NULL},
};

/*
 * catalogue 116: what libmicrohttpd takes, and another implementation reads as another request. In
 * each, the field that decides the length of the body is hidden from one of the two.
 */
static const struct row hidden[] = {
	{POST "Content-Length : 34\r\n\r\n", "the name of a field is no token"},
	{POST "Content-Length\t: 34\r\n\r\n", "the name of a field is no token"},
	{POST "Transfer-Encoding : chunked\r\n\r\n", "the name of a field is no token"},
	{POST "Content-Length: 0\r\nX(Y): a\r\n\r\n", "the name of a field is no token"},
	{POST "Content-Length: 0\r\nX\xe4: a\r\n\r\n", "the name of a field is no token"},
	{"POST /echo HTTP/1.1\r\n Content-Length: 34\r\nHost: a\r\n\r\n",
	 "the name of a field is no token"},
	{"POST /echo HTTP/1.1\r\n\tX: a\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
	 "the name of a field is no token"},
	{POST "X: a\rContent-Length: 34\r\n\r\n", "has a control character"},
	{POST "X: a\r\r\nContent-Length: 0\r\n\r\n", "has a control character"},
	{POST "Content-Length: 0\r\nX: a\x01\r\n\r\n", "has a control character"},
	{POST "Content-Length: 0\r\nX: a\x7f\r\n\r\n", "has a control character"},
	{POST "Content-Length: 0\r\nX: a\tb\r\n\r\n", "has a control character"},
	/* one octet too few, made up for by one too many elsewhere */
	{POST "X: a\nContent-Length:  34\r\n\r\n", "a line of the head"},
	{POST "Y:  b\r\nX: a\nContent-Length: 34\r\n\r\n", "a line of the head"},
	{POST "X:a\r\nContent-Length:  34\r\n\r\n", "a line of the head"},
	{POST "X:a\r\nContent-Length: 0\r\n Y\r\n\r\n", ""},
	{"POST  /echo HTTP/1.1\nHost: a\r\nContent-Length: 0\r\n\r\n", "a line of the head"},
	{"POST /echo HTTP/1.1\r\nHost:  a\r\nContent-Length: 0\n\r\n", "a line of the head"},
	{"POST /echo HTTP/1.1\r\nHost:  a\r\nContent-Length: 0\r\n\n", "a line of the head"},
	{"POST /echo HTTP/1.7\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
	 "expected HTTP/1.1 or HTTP/1.0"},
	{"POST /echo HTTP/1.1 \r\nHost: a\r\nContent-Length: 0\r\n\r\n", NULL},
	{"POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
	 "HTTP/1.0 has no Transfer-Encoding"},
};

static struct service_under_test service;

static void set_up(void)
{
	start_service(&service);
}

static void tear_down(void)
{
	stop_service(&service);
}

TestSuite(request_head, .init = set_up, .fini = tear_down);

/* Each row is refused, and what follows it on the connection gets no answer. */
static void expect_refusals(const struct row *rows, size_t count, unsigned int status)
{
	for (size_t i = 0; i < count; i++) {
		const struct row *row = &rows[i];
		CLEANUP(clear_buffer) struct buffer request = {0};
		CLEANUP(clear_buffer) struct buffer answer = {0};

		append_format(&request, "%sGET /health HTTP/1.1\r\nHost: a\r\n\r\n", row->request);
		answer = ask_raw(&service.endpoint, bytes_of_buffer(&request));
		cr_expect_eq(status_of(&answer), status, "row %zu: %s", i, answer.data);
		cr_expect_null(strstr((const char *)answer.data, "200 OK"), "row %zu: %s", i,
			       answer.data);
		if (row->detail == NULL)
			continue;
		cr_expect_not_null(strstr((const char *)answer.data, "application/problem+json"),
				   "row %zu: %s", i, answer.data);
		cr_expect_not_null(strstr((const char *)answer.data, row->detail), "row %zu: %s", i,
				   answer.data);
	}
	cr_expect_eq(service.handled, 0);
}

Test(request_head, refuses_what_can_be_read_in_two_ways)
{
	expect_refusals(ambiguous, COUNT_OF(ambiguous), 400);
}

/* catalogue 116 */
Test(request_head, refuses_what_hides_a_field)
{
	expect_refusals(hidden, COUNT_OF(hidden), 400);
}

/* catalogue 116, 26: whatever the encoding, and whatever follows */
Test(request_head, refuses_every_transfer_encoding)
{
	static const char detail[] = "expected a body with a Content-Length";
	static const struct row rows[] = {
		{CHUNKED "\r\n1\r\nx\r\n0\r\n\r\n", detail},
		{CHUNKED "\r\n0\r\n\r\n", detail},
		{CHUNKED "\r\nzz\r\nx\r\n0\r\n\r\n", detail},
		{CHUNKED "\r\n-1\r\nx\r\n0\r\n\r\n", detail},
		{CHUNKED "Expect: 100-continue\r\n\r\n0\r\n\r\n", detail},
		{POST "Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", detail},
		{POST "Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n", detail},
		{POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", detail},
		{POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", detail},
		{POST "Transfer-Encoding: \r\n\r\n0\r\n\r\n", detail},
		{GET "Host: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", detail},
	};

	expect_refusals(rows, COUNT_OF(rows), 411);
}

/* catalogue 28, 70: octets that a string cannot hold */
Test(request_head, refuses_nul_in_the_head)
{
	static const struct {
		char text[64];
		size_t len;
	} rows[] = {
		{GET "Host: a\r\nX: a\0b\r\n\r\n", 43},
		{GET "Host: a\r\nX\0: ab\r\n\r\n", 43},
		{GET "Host: a\0b\r\n\r\n", 36},
		{GET "Host: a\0>\n\n", 33},
		{"GET /health\0/../ HTTP/1.1\r\nHost: a\r\n\r\n", 38},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct bytes request = {(const uint8_t *)rows[i].text, rows[i].len};
		CLEANUP(clear_buffer) struct buffer answer = ask_raw(&service.endpoint, request);

		cr_expect_eq(status_of(&answer), 400, "row %zu: %s", i, answer.data);
	}
}

/* catalogue 70, 26: a head over the memory, or an unsupported version */
Test(request_head, refuses_heads_beyond_its_memory)
{
	enum { MUCH = 40000 };
	static const struct {
		const char *before;
		const char *after;
		unsigned int status;
	} rows[] = {
		{"GET /", " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
		{GET "Host: a\r\nX: ", "\r\n\r\n", 431},
		{GET "Host: a\r\n", ": x\r\n\r\n", 431},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer request = {0};
		CLEANUP(clear_buffer) struct buffer answer = {0};

		append_format(&request, "%s%0*d%s", rows[i].before, (int)MUCH, 0, rows[i].after);
		answer = ask_raw(&service.endpoint, bytes_of_buffer(&request));
		cr_expect_eq(status_of(&answer), rows[i].status, "row %zu: %s", i, answer.data);
	}
}

Test(request_head, refuses_other_versions)
{
	CLEANUP(clear_buffer) struct buffer answer = {0};

	answer = ask_raw(&service.endpoint,
			 bytes_of_string("GET /health HTTP/2.0\r\nHost: a\r\n\r\n"));
	cr_expect_eq(status_of(&answer), 505);
}

Test(request_head, takes_what_is_plain)
{
	static const char *const rows[] = {
		GET "Host: a\r\n\r\n",
		GET "Host: a:1\r\n\r\n",
		GET "Host: 127.0.0.1:65535\r\n\r\n",
		GET "Host: [::1]:8440\r\n\r\n",
		GET "Host: [::1]\r\n\r\n",
		GET "host: a-b_c.example\r\nX-Empty: \r\nCookie: a=b; c=d\r\n\r\n",
		"GET /health?query=1&x=%20 HTTP/1.1\r\nHost: a\r\n\r\n",
		"\r\nGET /health HTTP/1.1\r\nHost: a\r\n\r\n",
		POST "Content-Length: 1\r\n\r\nx",
		POST "Content-Length: 0\r\n\r\n",
		GET "Host: a\r\nX!#$%&'*+-.^_`|~9: \xc3\xa4 \"b\"\r\nX: \r\nY: : \r\n\r\n",
		"GET /health?a=b&c&=&&d=%20e%zz+f HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /health HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
	};
	int connection;

	connection = connect_raw(&service.endpoint);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer answer = {0};

		cr_assert(say_raw(connection, rows[i]), "row %zu", i);
		cr_assert(receive_answer(connection, &answer), "row %zu", i);
		cr_expect_eq(status_of(&answer), 200, "row %zu: %s", i, answer.data);
	}
	(void)close(connection);
	cr_expect_str_empty((const char *)service.log.data);
}
