#include "common/base/endpoint.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <string.h>

Test(endpoint, refuses_what_is_none)
{
	static const char *const bad[] = {
		"",
		"http",
		"http:",
		"http://",
		"http://:1",
		"http://h",
		"http://h:",
		"h:1",
		"127.0.0.1:8440",
		"https:/h:1",
		"httpss://h:1",
		"ftp://h:1",
		"HTTP://h:1",
		"ftp://h:1",
		" http://h:1",
		"http://h:1 ",
		"http://h:1/",
		"http://h:1/path",
		"http://h:1?q",
		"http://h:1#f",
		"http://user@h:1",
		"http://u:p@h:1",
		"http://h:65536",
		"http://h:99999999999",
		"http://h:-1",
		"http://h:+1",
		"http://h:0x50",
		"http://h:08440",
		"http://h:1e3",
		"http://h:1:2",
		"http://h h:1",
		"http://h_h:1",
		"http://-h:1",
		"http://.h:1",
		"http://h%41:1",
		"http://1.2.3:1",
		"http://1.2.3.4.5:1",
		"http://1.2.3.256:1",
		"http://01.2.3.4:1",
		"http://::1:1",
		"http://[::1]",
		"http://[::1]1",
		"http://[::1:1",
		"http://[]:1",
		"http://[h]:1",
		"http://[127.0.0.1]:1",
		"http://[fe80::1%eth0]:1",
		"http://h\xc3\xb6st:1",
		"http://h\n:1",
		"http://[::1]]:1",
	};

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct endpoint endpoint = {.port = 42};

		REFUSED(parse_endpoint(bad[i], &endpoint, &fault), FAULT_USAGE,
			"is no endpoint: expected http://HOST:PORT", "accepted %s", bad[i]);
		cr_expect_eq(endpoint.port, 42);
		cr_expect_str_eq(endpoint.host, "");
	}
}

Test(endpoint, refuses_a_host_that_is_too_long)
{
	char text[7 + HOST_SIZE + 8] = "http://";
	struct endpoint endpoint = {0};

	memset(text + 7, 'a', HOST_SIZE);
	memcpy(text + 7 + HOST_SIZE, ":1", 3);
	REFUSED(parse_endpoint(text, &endpoint, &fault), FAULT_USAGE, NULL);
	memcpy(text + 7 + HOST_SIZE - 1, ":1", 3);
	OK(parse_endpoint(text, &endpoint, &fault));
	cr_expect_eq(strlen(endpoint.host), HOST_SIZE - 1);
}

Test(endpoint, has_one_spelling)
{
	static const struct {
		const char *text;
		const char *host;
		unsigned int port;
		const char *formatted;
	} rows[] = {
		{"http://127.0.0.1:8440", "127.0.0.1", 8440, "http://127.0.0.1:8440"},
		{"http://h:0", "h", 0, "http://h:0"},
		{"http://Ca.Example.COM:65535", "ca.example.com", 65535,
		 "http://ca.example.com:65535"},
		{"http://a-b.c:1", "a-b.c", 1, "http://a-b.c:1"},
		{"http://[::1]:8440", "::1", 8440, "http://[::1]:8440"},
		{"http://[0:0:0:0:0:0:0:1]:1", "::1", 1, "http://[::1]:1"},
		{"http://[2001:DB8::A]:1", "2001:db8::a", 1, "http://[2001:db8::a]:1"},
		{"https://CA.example:8443", "ca.example", 8443, "https://ca.example:8443"},
		{"https://[::1]:0", "::1", 0, "https://[::1]:0"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct endpoint endpoint = {0};
		char text[ENDPOINT_TEXT_SIZE];

		OK(parse_endpoint(rows[i].text, &endpoint, &fault));
		cr_expect_str_eq(endpoint.host, rows[i].host);
		cr_expect_eq(endpoint.port, rows[i].port);
		cr_expect_eq(endpoint.secure, strncmp(rows[i].text, "https:", 6) == 0);
		format_endpoint(&endpoint, text);
		cr_expect_str_eq(text, rows[i].formatted);
	}
}

Test(endpoint, differs_by_its_scheme)
{
	struct endpoint plain = {0};
	struct endpoint secure = {0};

	OK(parse_endpoint("http://h:1", &plain, &fault));
	OK(parse_endpoint("https://h:1", &secure, &fault));
	cr_expect_not(equal_endpoints(&plain, &secure));
	cr_expect(equal_endpoints(&secure, &secure));
}

Test(endpoint, has_hosts_of_its_own)
{
	static const struct {
		const char *text;
		const char *host; /* NULL: it is refused */
		bool address;
	} rows[] = {
		{"CA.example", "ca.example", false},
		{"192.0.2.1", "192.0.2.1", true},
		{"2001:DB8::A", "2001:db8::a", true},
		{"[::1]", NULL, false},
		{"ca.example:1", NULL, false},
		{"", NULL, false},
		{"192.0.2", NULL, false},
		{"h h", NULL, false},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char host[HOST_SIZE] = "untouched";

		if (rows[i].host == NULL) {
			REFUSED(parse_host(rows[i].text, host, &fault), FAULT_USAGE, "is no host");
			cr_expect_str_eq(host, "untouched");
			continue;
		}
		OK(parse_host(rows[i].text, host, &fault));
		cr_expect_str_eq(host, rows[i].host);
		cr_expect_eq(is_address(host), rows[i].address, "%s", host);
	}
}

/* Browsers leave out a port that is the scheme's own, and no other. */
Test(endpoint, is_named_by_a_host_field_with_or_without_the_port_of_its_scheme)
{
	static const struct {
		const char *text;
		const char *value;
		bool expected;
	} rows[] = {
		{"http://127.0.0.1:8441", "127.0.0.1:8441", true},
		{"http://127.0.0.1:8441", "127.0.0.1", false},
		{"http://127.0.0.1:8441", "127.0.0.1:80", false},
		{"http://127.0.0.1:80", "127.0.0.1", true},
		{"http://127.0.0.1:80", "127.0.0.1:80", true},
		{"http://127.0.0.1:80", "127.0.0.1:443", false},
		{"http://127.0.0.1:80", "127.0.0.1:8080", false},
		{"http://127.0.0.1:80", "127.0.0.1:", false},
		{"http://127.0.0.1:80", "127.0.0.", false},
		{"http://127.0.0.1:80", "127.0.0.1.example", false},
		{"http://127.0.0.1:80", "rebound.example", false},
		{"http://127.0.0.1:80", "", false},
		{"http://127.0.0.1:443", "127.0.0.1", false},
		{"http://[::1]:80", "[::1]", true},
		{"http://[::1]:80", "[::1]:80", true},
		{"http://[::1]:80", "[:", false},
		{"http://[::1]:80", "::1", false},
		{"http://[::1]:8441", "[::1]", false},
		{"https://ca.example:443", "CA.example", true},
		{"https://ca.example:443", "ca.example:443", true},
		{"https://ca.example:80", "ca.example", false},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct endpoint endpoint = {0};

		OK(parse_endpoint(rows[i].text, &endpoint, &fault));
		cr_expect_eq(is_host_of(&endpoint, rows[i].value), rows[i].expected, "%s, Host: %s",
			     rows[i].text, rows[i].value);
	}
}
