#include "common/net/listener.h"

#include "common/base/file.h"
#include "tests/support/expect.h"
#include "tests/support/raw_socket.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A label of 64 octets, one more than may be (RFC 1035 section 2.3.4): nobody is asked about it. */
#define NO_HOST "no-such-host-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static struct listeners listeners;
static struct endpoint_list bound;

static void tear_down(void)
{
	close_listeners(&listeners);
}

TestSuite(listener, .fini = tear_down);

static void open_one(const char *host)
{
	struct endpoint_list one = {.count = 1};

	memcpy(one.endpoints[0].host, host, strlen(host) + 1);
	OK(open_listeners(&one, &listeners, &bound, &fault));
}

Test(listener, refuses_an_address_that_is_taken)
{
	struct listeners second = {.count = 7};
	struct endpoint_list untouched = {0};
	struct endpoint_list both = {2, {{"127.0.0.1", 0, false}}};
	char text[ENDPOINT_TEXT_SIZE];

	open_one("127.0.0.1");
	both.endpoints[1] = bound.endpoints[0];
	REFUSED(open_listeners(&both, &second, &untouched, &fault), FAULT_BUSY,
		"another process already listens there");
	format_endpoint(&bound.endpoints[0], text);
	SAID(text);
	cr_expect_eq(second.count, 7);
	cr_expect_eq(untouched.count, 0);
}

Test(listener, refuses_addresses_that_are_not_here)
{
	static const struct {
		struct endpoint_list endpoints;
		const char *text;
	} rows[] = {
		{{1, {{"192.0.2.1", 0, false}}}, "http://192.0.2.1:0: cannot listen there: "},
		{{2, {{"127.0.0.1", 0, false}, {"192.0.2.1", 0, false}}},
		 "http://192.0.2.1:0: cannot listen there: "},
		{{1, {{NO_HOST, 0, false}}}, "no address is known for the host " NO_HOST},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		REFUSED(open_listeners(&rows[i].endpoints, &listeners, &bound, &fault),
			FAULT_FAILED, rows[i].text);
}

Test(listener, says_which_port_it_got)
{
	static const char *const hosts[] = {"127.0.0.1", "::1", "localhost"};

	for (size_t i = 0; i < COUNT_OF(hosts); i++) {
		open_one(hosts[i]);
		cr_expect_eq(bound.count, 1);
		cr_expect_str_eq(bound.endpoints[0].host, hosts[i]);
		cr_expect_neq(bound.endpoints[0].port, 0);
		for (size_t j = 0; j < listeners.count; j++) {
			cr_expect_neq(fcntl(listeners.sockets[j], F_GETFD) & FD_CLOEXEC, 0);
			cr_expect_neq(fcntl(listeners.sockets[j], F_GETFL) & O_NONBLOCK, 0);
		}
		close_listeners(&listeners);
	}
}

Test(listener, takes_both_families_of_localhost_on_one_port)
{
	struct endpoint v4 = {.host = "127.0.0.1"};
	struct endpoint v6 = {.host = "::1"};

	open_one("localhost");
	cr_assert_eq(listeners.count, 2);
	v4.port = v6.port = bound.endpoints[0].port;
	(void)close(connect_raw(&v4));
	(void)close(connect_raw(&v6));
}

Test(listener, takes_ipv6_alone)
{
	int on = 0;
	socklen_t len = sizeof(on);

	open_one("::");
	cr_assert_eq(getsockopt(listeners.sockets[0], IPPROTO_IPV6, IPV6_V6ONLY, &on, &len), 0);
	cr_expect_eq(on, 1);
}

/* catalogue 113: an accepted connection inherits them */
Test(listener, bounds_what_the_kernel_keeps_of_answers)
{
	socklen_t len = sizeof(int);
	int octets = 0;
	int unread_ms = 0;

	open_one("127.0.0.1");
	cr_assert_eq(getsockopt(listeners.sockets[0], SOL_SOCKET, SO_SNDBUF, &octets, &len), 0);
	cr_expect_eq(octets, 2 * 65536);
	cr_assert_eq(
		getsockopt(listeners.sockets[0], IPPROTO_TCP, TCP_USER_TIMEOUT, &unread_ms, &len),
		0);
	cr_expect_eq(unread_ms, 30000);
}
