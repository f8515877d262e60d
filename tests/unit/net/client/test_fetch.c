#include "common/net/client/fetch.h"

#include "tests/support/expect.h"
#include "tests/support/raw_socket.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

/* RFC 8555 section 10.4: who names the host is not to reach all that the CA reaches. */
Test(fetch, goes_to_no_address_behind_which_there_is_no_other_host)
{
	static const struct {
		const char *address;
		bool may;
		bool may_own; /* where this host's own addresses count */
	} rows[] = {
		{"192.0.2.7", true, true},
		{"10.0.0.1", true, true},
		{"192.168.1.1", true, true},
		{"172.16.0.1", true, true},
		{"127.0.0.1", false, true},
		{"127.255.255.255", false, true},
		{"128.0.0.1", true, true},
		{"0.0.0.0", false, false},
		{"0.1.2.3", false, false},
		{"169.254.169.254", false, false},
		{"169.255.0.1", true, true},
		{"192.0.0.1", false, false},
		{"223.255.255.255", true, true},
		{"224.0.0.1", false, false},
		{"239.1.1.1", false, false},
		{"240.0.0.1", false, false},
		{"255.255.255.255", false, false},
		{"2001:db8::1", true, true},
		{"fd00::1", true, true},
		{"fc00::1", true, true},
		{"::", false, false},
		{"::1", false, true},
		{"::2", false, false},
		{"::127.0.0.1", false, false},
		{"::ffff:127.0.0.1", false, true},
		{"::ffff:169.254.169.254", false, false},
		{"::ffff:192.0.2.7", true, true},
		{"64:ff9b::7f00:1", false, true},
		{"64:ff9b::a9fe:a9fe", false, false},
		{"2002:7f00:1::1", false, true},
		{"2002:a9fe:a9fe::1", false, false},
		{"2002:c000:207::1", true, true},
		{"fe80::1", false, false},
		{"febf::1", false, false},
		{"fec0::1", false, false},
		{"ff02::1", false, false},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct sockaddr_in ipv4 = {.sin_family = AF_INET};
		struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
		const bool is_ipv6 = strchr(rows[i].address, ':') != NULL;
		const struct sockaddr *address =
			is_ipv6 ? (const void *)&ipv6 : (const void *)&ipv4;

		cr_assert_eq(inet_pton(is_ipv6 ? AF_INET6 : AF_INET, rows[i].address,
				       is_ipv6 ? (void *)&ipv6.sin6_addr : (void *)&ipv4.sin_addr),
			     1);
		cr_expect_eq(may_fetch_from(address, false), rows[i].may, "%s", rows[i].address);
		cr_expect_eq(may_fetch_from(address, true), rows[i].may_own, "%s, own",
			     rows[i].address);
	}
	cr_expect(!may_fetch_from(&(struct sockaddr){.sa_family = AF_UNIX}, true));
}

static const atomic_bool never;

/* Asks a server that plays the script for a page of at most 100 octets. */
static int fetch_scripted(const struct script *script, long timeout_ms, struct buffer *ret_page,
			  struct buffer *ret_request, struct fault *fault)
{
	struct endpoint endpoint;
	struct scripted_server *server = start_scripted_server(script, &endpoint);
	const struct fetch fetch = {.host = endpoint.host,
				    .port = endpoint.port,
				    .path = "/.well-known/acme-challenge/t",
				    .own_host = true,
				    .max = 100,
				    .timeout_ms = timeout_ms,
				    .cancelled = &never};
	int result = fetch_page(&fetch, ret_page, fault);

	(void)stop_scripted_server(&server, ret_request);
	return result;
}

Test(fetch, gets_a_page)
{
	const struct script script = {
		.answer = bytes_of_string("HTTP/1.0 200 OK\r\nContent-Type: x/y\r\n\r\nhello")};
	CLEANUP(clear_buffer) struct buffer page = {0};
	CLEANUP(clear_buffer) struct buffer request = {0};

	OK(fetch_scripted(&script, 60000, &page, &request, &fault));
	cr_expect_str_eq((const char *)page.data, "hello");
	cr_expect_eq(strncmp((const char *)request.data, "GET /.well-known/acme-challenge/t HTTP",
			     strlen("GET /.well-known/acme-challenge/t HTTP")),
		     0);
	cr_expect_null(strstr((const char *)request.data, "Cookie"));
	cr_expect_null(strstr((const char *)request.data, "Authorization"));
}

#define A100                                                                                       \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaa"

Test(fetch, refuses_every_other_answer)
{
	static const struct {
		const char *answer;
		enum fault_class class;
		const char *part;
	} rows[] = {
		{"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
		 FAULT_REFUSED, "without a redirect, found 302"},
		{"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", FAULT_REFUSED,
		 "found 404"},
		{"HTTP/1.1 204 No Content\r\n\r\n", FAULT_REFUSED, "found 204"},
		{"HTTP/1.1 200 OK\r\n\r\n" A100 "a", FAULT_TOO_LARGE, "at most 100 octets"},
		{"HTTP/1.1 200 OK\r\nX: " A100 "\r\n\r\na", FAULT_TOO_LARGE, "at most 100 octets"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", FAULT_UNREACHABLE, ""},
		{"", FAULT_UNREACHABLE, ""},
		{"hello", FAULT_UNREACHABLE, ""},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct script script = {.answer = bytes_of_string(rows[i].answer)};
		CLEANUP(clear_buffer) struct buffer page = {0};
		CLEANUP(clear_buffer) struct buffer request = {0};

		REFUSED(fetch_scripted(&script, 60000, &page, &request, &fault), rows[i].class,
			rows[i].part, "row %zu", i);
		cr_expect_eq(page.len, 0);
	}
}

Test(fetch, waits_for_no_host_longer_than_it_may)
{
	const struct script silent = {.silent = true};
	CLEANUP(clear_buffer) struct buffer page = {0};
	CLEANUP(clear_buffer) struct buffer request = {0};

	REFUSED(fetch_scripted(&silent, 300, &page, &request, &fault), FAULT_UNREACHABLE,
		"no whole answer within");
}

Test(fetch, ends_when_it_is_cancelled)
{
	static const atomic_bool cancelled = true;
	const struct script silent = {.silent = true};
	CLEANUP(clear_buffer) struct buffer page = {0};
	CLEANUP(clear_buffer) struct buffer request = {0};
	struct endpoint endpoint;
	struct scripted_server *server = start_scripted_server(&silent, &endpoint);
	const struct fetch fetch = {.host = endpoint.host,
				    .port = endpoint.port,
				    .path = "/",
				    .own_host = true,
				    .max = 100,
				    .timeout_ms = 600000,
				    .cancelled = &cancelled};

	REFUSED(fetch_page(&fetch, &page, &fault), FAULT_UNREACHABLE, "");
	(void)stop_scripted_server(&server, &request);
}

Test(fetch, does_not_connect_to_an_address_that_it_may_not_ask)
{
	const struct script script = {.answer = bytes_of_string("HTTP/1.0 200 OK\r\n\r\nhello")};
	CLEANUP(clear_buffer) struct buffer page = {0};
	CLEANUP(clear_buffer) struct buffer request = {0};
	struct endpoint endpoint;
	struct scripted_server *server = start_scripted_server(&script, &endpoint);
	struct fetch fetch = {.host = endpoint.host,
			      .port = endpoint.port,
			      .path = "/",
			      .max = 100,
			      .timeout_ms = 60000,
			      .cancelled = &never};

	REFUSED(fetch_page(&fetch, &page, &fault), FAULT_UNREACHABLE,
		"one that the CA does not ask");
	/* Also when a name leads there. */
	fetch.host = "localhost";
	REFUSED(fetch_page(&fetch, &page, &fault), FAULT_UNREACHABLE,
		"one that the CA does not ask");
	cr_expect_eq(stop_scripted_server(&server, &request), 0);
}
