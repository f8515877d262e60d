#include "common/base/url.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <string.h>

static void expect_refused(const char *text)
{
	struct endpoint endpoint = {.port = 42};
	char path[URL_PATH_SIZE] = "untouched";

	REFUSED(parse_url(text, &endpoint, path, &fault), FAULT_USAGE,
		"expected http://HOST[:PORT][/PATH]", "%s", text);
	cr_expect_eq(endpoint.port, 42);
	cr_expect_str_eq(path, "untouched");
}

Test(url, refuses_what_is_none)
{
	static const char *const bad[] = {
		"",
		"http",
		"http://",
		"http:///crl",
		"/crl",
		"h/crl",
		"https:/h/crl",
		"ftp://h/crl",
		"HTTP://h/crl",
		"ftp://h/crl",
		"file:///etc/passwd",
		"http://u@h/crl",
		"http://u:p@h/crl",
		"http://h:0/crl",
		"http://h:65536/crl",
		"http://h:/crl",
		"http://h:1:2/crl",
		"http://[::1/crl",
		"http://::1/crl",
		"http://[::1]1/crl",
		"http://h?q",
		"http://h#f",
		"http://h/crl#f",
		"http://h/a b",
		"http://h/a\nb",
		"http://h/\xc3\xb6",
		"http://h/\"",
		" http://h/crl",
	};
	char long_path[URL_PATH_SIZE + 16];
	char long_host[ENDPOINT_TEXT_SIZE + 16];

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		expect_refused(bad[i]);
	memset(long_path, 'a', sizeof(long_path));
	memcpy(long_path, "http://h/", 9);
	long_path[8 + URL_PATH_SIZE] = '\0';
	expect_refused(long_path);
	memset(long_host, 'a', sizeof(long_host));
	memcpy(long_host, "http://", 7);
	long_host[sizeof(long_host) - 1] = '\0';
	expect_refused(long_host);
}

Test(url, takes_host_port_and_path_apart)
{
	static const struct {
		const char *text;
		const char *host;
		uint16_t port;
		const char *path;
	} rows[] = {
		{"http://h", "h", 80, "/"},
		{"http://H/", "h", 80, "/"},
		{"http://h:8440/crl", "h", 8440, "/crl"},
		{"http://127.0.0.1:1/ocsp/", "127.0.0.1", 1, "/ocsp/"},
		{"http://[::1]/a/b?c=d&e", "::1", 80, "/a/b?c=d&e"},
		{"http://[0::1]:65535/%41+=", "::1", 65535, "/%41+="},
		{"https://h/crl", "h", 443, "/crl"},
		{"https://[::1]:8443", "::1", 8443, "/"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct endpoint endpoint = {0};
		char path[URL_PATH_SIZE];

		OK(parse_url(rows[i].text, &endpoint, path, &fault));
		cr_expect_str_eq(endpoint.host, rows[i].host);
		cr_expect_eq(endpoint.port, rows[i].port);
		cr_expect_str_eq(path, rows[i].path);
	}
}
