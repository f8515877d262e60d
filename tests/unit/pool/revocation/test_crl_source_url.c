#include "common/net/server.h"
#include "common/pool/revocation/crl_source.h"
#include "tests/support/expect.h"
#include "tests/support/raw_socket.h"
#include "tests/unit/pool/revocation/crl_fixture.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static struct crl_fixture fixture;

static void set_up(void)
{
	open_crl_fixture(&fixture);
}

static void tear_down(void)
{
	close_crl_fixture(&fixture);
}

TestSuite(crl_source_url, .init = set_up, .fini = tear_down);

Test(crl_source_url, refuses_urls_that_are_not_http)
{
	static const char *const rows[] = {"ftp://127.0.0.1/crl", "file:///etc/crl",
					   "http://user@host/crl", "ldap://host/cn", "://"};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct crl_source *source = NULL;

		REFUSED(new_crl_source(&rows[i], 1, NULL, &source, &fault), FAULT_USAGE,
			"CRL: ", "%s", rows[i]);
		cr_expect_null(source);
	}
}

/* A server of a CRL, which counts its requests. */
struct publisher {
	atomic_int asked;
	atomic_bool broken;
	struct buffer der;
	struct http_server *server;
	char url[ENDPOINT_TEXT_SIZE + 8];
};

static int publish(const struct http_request *request, struct http_response *response,
		   void *context, struct fault *fault)
{
	struct publisher *publisher = context;

	(void)request;
	publisher->asked++;
	if (publisher->broken)
		return set_fault(fault, FAULT_BUSY, "no CRL today");
	response->content_type = "application/pkix-crl";
	append_bytes(&response->body, bytes_of_buffer(&publisher->der));
	return 0;
}

static void start_publisher(struct publisher *publisher)
{
	static const struct http_route routes[] = {
		{.method = "GET", .path = "/crl", .handler = publish}, {0}};
	struct http_server_settings settings = {
		.listen = {1, {{"127.0.0.1", 0, false}}}, .routes = routes, .context = publisher};
	char endpoint[ENDPOINT_TEXT_SIZE];

	OK(start_http_server(&settings, &publisher->server, &fault));
	format_endpoint(&http_server_endpoints(publisher->server)->endpoints[0], endpoint);
	(void)snprintf(publisher->url, sizeof(publisher->url), "%s/crl", endpoint);
}

/* catalogue 118: the verdict does not wait for a server that accepts and says nothing */
Test(crl_source_url, does_not_wait_for_a_silent_server_when_it_fetches_in_the_background)
{
	const struct script script = {.silent = true};
	CLEANUP(clear_buffer) struct buffer request = {0};
	struct endpoint endpoint;
	struct scripted_server *server = start_scripted_server(&script, &endpoint);
	char url[ENDPOINT_TEXT_SIZE];
	const char *location = url;
	struct crl_finding finding;

	format_endpoint(&endpoint, url);
	free_crl_source(&fixture.source);
	OK(new_crl_source(&location, 1, NULL, &fixture.source, &fault));
	OK(fetch_crls_in_background(fixture.source, &fault));
	for (int i = 0; i < 10; i++) {
		finding = consult(&fixture, 0);
		/* A fetch that was waited for would have ended with "no answer in time". */
		expect_unknown(&finding, "no answer has come yet");
	}
	free_crl_source(&fixture.source);
	cr_expect_eq(stop_scripted_server(&server, &request), 1);
}

/* catalogue 56, 118 */
Test(crl_source_url, judges_by_what_was_fetched_in_the_background)
{
	struct publisher publisher = {0};
	const char *location = publisher.url;
	struct crl_finding finding;

	publisher.der = make_crl(&fixture.base, fixture.base.issuer, 1,
				 certificate_serial(fixture.certificate));
	start_publisher(&publisher);
	for (int broken = 1; broken >= 0; broken--) {
		publisher.broken = broken == 1;
		free_crl_source(&fixture.source);
		OK(new_crl_source(&location, 1, NULL, &fixture.source, &fault));
		OK(fetch_crls_in_background(fixture.source, &fault));
		finding = consult(&fixture, 0);
		/* The first answer is waited for, but not for long on a busy machine. */
		while (strstr(finding.problem.text, "no answer has come yet") != NULL)
			finding = consult(&fixture, 0);
		if (publisher.broken)
			expect_unknown(&finding, "no CRL today");
		else
			cr_expect_eq(finding.status, CRL_REVOKED, "%s", finding.problem.text);
	}
	cr_expect_geq((int)publisher.asked, 2);
	free_crl_source(&fixture.source);
	stop_http_server(&publisher.server);
	clear_buffer(&publisher.der);
}

/* catalogue 56: asked once a minute; a cached CRL counts until it is stale */
Test(crl_source_url, asks_a_url_once_a_minute)
{
	static const struct {
		int64_t after_s;
		bool broken;
		int asked; /* in all, after it; each consults twice */
		enum crl_status status;
	} rows[] = {
		{0, true, 1, CRL_UNKNOWN},
		{CRL_RETRY_S - 1, false, 1, CRL_UNKNOWN},
		{CRL_RETRY_S, false, 2, CRL_GOOD},
		{CRL_RETRY_S + 59, false, 2, CRL_GOOD},
		{CRL_RETRY_S + 60, false, 3, CRL_GOOD},
		{1000, true, 4, CRL_GOOD},
		{1059, true, 4, CRL_GOOD},
		{3600, true, 5, CRL_GOOD},
		{3605, true, 6, CRL_UNKNOWN},
		{3606, true, 6, CRL_UNKNOWN},
	};
	struct publisher publisher = {0};

	publisher.der = make_crl(&fixture.base, fixture.base.issuer, 1, (struct bytes){0});
	start_publisher(&publisher);
	open_source(&fixture, publisher.url);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct crl_finding finding;

		publisher.broken = rows[i].broken;
		finding = consult(&fixture, rows[i].after_s);
		cr_expect_eq(finding.status, rows[i].status, "row %zu: %s", i,
			     finding.problem.text);
		cr_expect_eq((int)publisher.asked, rows[i].asked, "row %zu: %d", i,
			     (int)publisher.asked);
		if (finding.status == CRL_UNKNOWN)
			expect_unknown(&finding, "no CRL today");
	}
	stop_http_server(&publisher.server);
	clear_buffer(&publisher.der);
}
