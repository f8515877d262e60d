#include "common/pool/revocation/crl_source.h"

#include "common/net/server.h"
#include "common/x509/revocation/crl_builder.h"
#include "tests/support/expect.h"
#include "tests/support/raw_socket.h"
#include "tests/unit/pool/fake_ca.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* A certificate, and the path of a file for its CRL. */
struct crl_fixture {
	struct fixture base;
	struct certificate *certificate;
	char path[sizeof(((struct scratch *)NULL)->path) + 16];
	struct crl_source *source;
};

static struct crl_fixture fixture;

static void open_source(const char *location)
{
	free_crl_source(&fixture.source);
	OK(new_crl_source(&location, 1, &fixture.source, &fault));
}

static void set_up(void)
{
	open_fixture(&fixture.base);
	make_certified_pool(&fixture.base, 0);
	fixture.certificate = first_certificate(&fixture.base);
	(void)snprintf(fixture.path, sizeof(fixture.path), "%s/ca.crl", fixture.base.scratch.path);
	open_source(fixture.path);
}

static void tear_down(void)
{
	free_crl_source(&fixture.source);
	free_certificate(&fixture.certificate);
	close_fixture(&fixture.base);
}

TestSuite(crl_source, .init = set_up, .fini = tear_down);

static void replace_file(struct bytes content)
{
	(void)remove(fixture.path);
	put_bytes(fixture.base.scratch.dirfd, "ca.crl", content, 0644);
}

static void put_crl(const struct issuer *issuer, uint64_t number, bool revoked)
{
	struct bytes serial = revoked ? certificate_serial(fixture.certificate) : (struct bytes){0};
	CLEANUP(clear_buffer)
	struct buffer der = make_crl(&fixture.base, issuer, number, serial);

	replace_file(bytes_of_buffer(&der));
}

static struct crl_finding consult_for(const struct certificate *issuer, int64_t after_s)
{
	struct crl_finding finding;

	consult_crl(fixture.source, issuer, fixture.certificate, fixture.base.now_s + after_s,
		    &finding);
	return finding;
}

static struct crl_finding consult(int64_t after_s)
{
	return consult_for(issuer_certificate(fixture.base.issuer), after_s);
}

static void expect_unknown(const struct crl_finding *finding, const char *why)
{
	cr_expect_eq(finding->status, CRL_UNKNOWN);
	cr_expect_eq(finding->problem.class, FAULT_UNREACHABLE);
	cr_expect_eq(strncmp(finding->problem.text,
			     "cannot tell whether the certificate is revoked: ", 48),
		     0, "%s", finding->problem.text);
	cr_expect_not_null(strstr(finding->problem.text, why), "expected %s, found %s", why,
			   finding->problem.text);
	cr_expect_not_null(strstr(finding->problem.text, "and try again"), "%s",
			   finding->problem.text);
}

/* catalogue 56 */
Test(crl_source, cannot_tell_without_a_crl)
{
	static const struct {
		const char *content; /* NULL: there is no file */
		const char *why;
	} rows[] = {
		{NULL, "ca.crl"},
		{"", "neither DER nor PEM"},
		{"<html>", "neither DER nor PEM"},
		{"0\x03\x02\x01", "not DER"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct crl_finding finding;

		tear_down();
		set_up();
		if (rows[i].content != NULL)
			replace_file(bytes_of_string(rows[i].content));
		for (int again = 0; again < 2; again++) {
			finding = consult(0);
			expect_unknown(&finding, rows[i].why);
			cr_expect_str_eq(finding.number, "");
		}
	}
}

/* catalogue 58 */
Test(crl_source, cannot_tell_from_another_issuers_crl)
{
	struct crl_finding finding;

	put_crl(fixture.base.other_issuer, 1, false);
	finding = consult(0);
	expect_unknown(&finding, "expected the CRL of the certificate's issuer");
	/* The right one is taken as soon as it is there. */
	put_crl(fixture.base.issuer, 1, false);
	finding = consult(0);
	cr_expect_eq(finding.status, CRL_GOOD);
}

/* Name and key identifier can be copied: only the signature says whose a CRL is. */
Test(crl_source, cannot_tell_from_the_crl_of_an_issuer_of_the_same_name_and_key_identifier)
{
	CLEANUP(free_issuer) struct issuer *twin = NULL;
	const struct certificate *twin_certificate;
	struct crl_finding finding;

	twin = make_twin_issuer(fixture.base.issuer);
	twin_certificate = issuer_certificate(twin);
	put_crl(twin, 1, false);
	finding = consult(0);
	expect_unknown(&finding, "signature");
	put_crl(fixture.base.issuer, 1, false);
	finding = consult(0);
	cr_expect_eq(finding.status, CRL_GOOD);
	/* The CRL that was verified with the issuer's key does not count for its twin. */
	finding = consult_for(twin_certificate, 0);
	expect_unknown(&finding, "expected the CRL of the certificate's issuer");
	/* Nor does the twin's next CRL replace it: it counts for the twin alone. */
	put_crl(twin, 2, true);
	finding = consult_for(twin_certificate, 0);
	cr_expect_eq(finding.status, CRL_REVOKED);
	finding = consult(0);
	cr_expect_eq(finding.status, CRL_GOOD);
	cr_expect_str_eq(finding.number, "1");
}

/* catalogue 58 */
Test(crl_source, cannot_tell_from_a_crl_that_was_changed)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct crl_finding finding;
	uint8_t *serial;

	der = make_crl(&fixture.base, fixture.base.issuer, 1,
		       certificate_serial(fixture.certificate));
	serial =
		memmem(der.data, der.len, certificate_serial(fixture.certificate).data, SERIAL_MAX);
	cr_assert_not_null(serial);
	serial[SERIAL_MAX - 1] ^= 1;
	replace_file(bytes_of_buffer(&der));
	for (int again = 0; again < 2; again++) {
		finding = consult(0);
		expect_unknown(&finding, "signature");
	}
}

/* catalogue 119: entries that nobody has signed are not read */
Test(crl_source, looks_at_the_signature_before_the_entries)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct crl_finding finding;
	uint8_t *serial;

	der = make_crl(&fixture.base, fixture.base.issuer, 1,
		       certificate_serial(fixture.certificate));
	serial =
		memmem(der.data, der.len, certificate_serial(fixture.certificate).data, SERIAL_MAX);
	cr_assert_not_null(serial);
	/* No INTEGER any more. */
	serial[-2] = 0x04;
	replace_file(bytes_of_buffer(&der));
	finding = consult(0);
	expect_unknown(&finding, "signature");
	cr_expect_null(strstr(finding.problem.text, "entry"), "%s", finding.problem.text);
}

/* catalogue 58, 97 */
Test(crl_source, cannot_tell_from_a_crl_that_is_not_current)
{
	struct crl_finding finding;

	put_crl(fixture.base.issuer, 1, false);
	finding = consult(3601);
	expect_unknown(&finding, "out of date");
	cr_expect_str_eq(finding.number, "1");
	finding = consult(-301);
	expect_unknown(&finding, "not in the future");
	finding = consult(3600);
	cr_expect_eq(finding.status, CRL_GOOD);
	/* That there is no new one is part of the reason. */
	cr_assert_eq(remove(fixture.path), 0);
	finding = consult(3601);
	expect_unknown(&finding, "out of date");
	expect_unknown(&finding, "ca.crl");
}

Test(crl_source, says_when_and_why_a_certificate_was_revoked)
{
	struct crl_finding finding;

	put_crl(fixture.base.issuer, 9, true);
	finding = consult(0);
	cr_expect_eq(finding.status, CRL_REVOKED);
	cr_expect_eq(finding.revoked_at_s, 1767225600);
	cr_expect_eq(finding.reason, REASON_KEY_COMPROMISE);
	cr_expect_str_eq(finding.number, "9");
	cr_expect_eq(finding.next_update_s, fixture.base.now_s + 3600);
}

/* A revocation counts as soon as the file is replaced. */
Test(crl_source, reads_a_file_that_has_changed)
{
	struct crl_finding finding;

	put_crl(fixture.base.issuer, 1, false);
	finding = consult(0);
	cr_expect_eq(finding.status, CRL_GOOD);
	put_crl(fixture.base.issuer, 2, true);
	finding = consult(0);
	cr_expect_eq(finding.status, CRL_REVOKED);
	cr_expect_str_eq(finding.number, "2");
}

/* catalogue 58, 60: replaying an old CRL does not undo a revocation */
Test(crl_source, never_goes_back_to_an_older_crl)
{
	struct crl_finding finding;

	put_crl(fixture.base.issuer, 300, true);
	finding = consult(0);
	cr_expect_eq(finding.status, CRL_REVOKED);
	put_crl(fixture.base.issuer, 299, false);
	finding = consult(0);
	cr_expect_eq(finding.status, CRL_REVOKED);
	cr_expect_str_eq(finding.number, "300");
	finding = consult(3601);
	expect_unknown(&finding, "299 is older than the CRL that was there before, number 300");
}

static void append_crl(struct buffer *pem, const struct issuer *issuer, uint64_t number,
		       struct bytes revoked)
{
	CLEANUP(clear_buffer)
	struct buffer der = make_crl(&fixture.base, issuer, number, revoked);
	CLEANUP(clear_buffer) struct buffer block = {0};

	OK(format_crl_pem(bytes_of_buffer(&der), &block, &fault));
	append_bytes(pem, bytes_of_buffer(&block));
}

/* catalogue 126: the CRLs of all CAs of a path in one file, in any order */
Test(crl_source, finds_the_issuers_crl_among_several_in_one_file)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct crl_finding finding;

	append_crl(&pem, fixture.base.other_issuer, 5, (struct bytes){0});
	append_crl(&pem, fixture.base.issuer, 7, certificate_serial(fixture.certificate));
	replace_file(bytes_of_buffer(&pem));
	finding = consult(0);
	cr_expect_eq(finding.status, CRL_REVOKED);
	cr_expect_str_eq(finding.number, "7");
	finding = consult_for(issuer_certificate(fixture.base.other_issuer), 0);
	cr_expect_eq(finding.status, CRL_GOOD, "%s", finding.problem.text);
	cr_expect_str_eq(finding.number, "5");
	/* One of them that cannot be read makes the whole file suspect. */
	append_string(&pem, "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n");
	tear_down();
	set_up();
	replace_file(bytes_of_buffer(&pem));
	finding = consult(0);
	expect_unknown(&finding, "number 3: ");
}

/* catalogue 126: likewise in a file each; each issuer's CRL never goes back */
Test(crl_source, finds_the_issuers_crl_among_several_files)
{
	char other_path[sizeof(fixture.path) + 8];
	const char *const locations[] = {other_path, fixture.path};
	CLEANUP(clear_buffer) struct buffer other = {0};
	struct crl_finding finding;

	(void)snprintf(other_path, sizeof(other_path), "%s/other.crl", fixture.base.scratch.path);
	free_crl_source(&fixture.source);
	OK(new_crl_source(locations, COUNT_OF(locations), &fixture.source, &fault));
	other = make_crl(&fixture.base, fixture.base.other_issuer, 5, (struct bytes){0});
	put_bytes(fixture.base.scratch.dirfd, "other.crl", bytes_of_buffer(&other), 0644);
	finding = consult(0);
	expect_unknown(&finding, "other.crl and the others: expected the CRL of the certificate's");
	expect_unknown(&finding, "ca.crl: ");
	put_crl(fixture.base.issuer, 300, true);
	finding = consult(0);
	cr_expect_eq(finding.status, CRL_REVOKED);
	finding = consult_for(issuer_certificate(fixture.base.other_issuer), 0);
	cr_expect_eq(finding.status, CRL_GOOD, "%s", finding.problem.text);
	put_crl(fixture.base.issuer, 299, false);
	finding = consult(0);
	cr_expect_eq(finding.status, CRL_REVOKED);
}

Test(crl_source, refuses_more_locations_than_it_can_hold)
{
	const char *locations[CRL_LOCATIONS_MAX + 1];
	struct crl_source *source = NULL;

	for (size_t i = 0; i < COUNT_OF(locations); i++)
		locations[i] = "ca.crl";
	REFUSED(new_crl_source(locations, COUNT_OF(locations), &source, &fault), FAULT_USAGE,
		"at most 8 files and URLs of CRLs, found 9");
}

/* A file that is not a CRL, or not the issuer's, does not displace a current CRL. */
Test(crl_source, keeps_the_current_crl_when_a_new_one_is_rejected)
{
	struct crl_finding finding;

	put_crl(fixture.base.issuer, 1, true);
	finding = consult(0);
	cr_expect_eq(finding.status, CRL_REVOKED);
	replace_file(bytes_of_string("nonsense"));
	finding = consult(0);
	cr_expect_eq(finding.status, CRL_REVOKED);
	put_crl(fixture.base.other_issuer, 2, false);
	finding = consult(0);
	cr_expect_eq(finding.status, CRL_REVOKED);
	cr_assert_eq(remove(fixture.path), 0);
	finding = consult(0);
	cr_expect_eq(finding.status, CRL_REVOKED);
}

Test(crl_source, refuses_urls_that_are_not_plain_http)
{
	static const char *const rows[] = {"https://127.0.0.1/crl", "file:///etc/crl",
					   "http://user@host/crl", "ldap://host/cn", "://"};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct crl_source *source = NULL;

		REFUSED(new_crl_source(&rows[i], 1, &source, &fault), FAULT_USAGE, "CRL: ", "%s",
			rows[i]);
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
		.endpoint = {.host = "127.0.0.1"}, .routes = routes, .context = publisher};
	char endpoint[ENDPOINT_TEXT_SIZE];

	OK(start_http_server(&settings, &publisher->server, &fault));
	format_endpoint(http_server_endpoint(publisher->server), endpoint);
	(void)snprintf(publisher->url, sizeof(publisher->url), "%s/crl", endpoint);
}

/* catalogue 118: the verdict does not wait for a server that accepts and says nothing */
Test(crl_source, does_not_wait_for_a_silent_server_when_it_fetches_in_the_background)
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
	OK(new_crl_source(&location, 1, &fixture.source, &fault));
	OK(fetch_crls_in_background(fixture.source, &fault));
	for (int i = 0; i < 10; i++) {
		finding = consult(0);
		/* A fetch that was waited for would have ended with "no answer in time". */
		expect_unknown(&finding, "no answer has come yet");
	}
	free_crl_source(&fixture.source);
	cr_expect_eq(stop_scripted_server(&server, &request), 1);
}

/* catalogue 56, 118 */
Test(crl_source, judges_by_what_was_fetched_in_the_background)
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
		OK(new_crl_source(&location, 1, &fixture.source, &fault));
		OK(fetch_crls_in_background(fixture.source, &fault));
		finding = consult(0);
		/* The first answer is waited for, but not for long on a busy machine. */
		while (strstr(finding.problem.text, "no answer has come yet") != NULL)
			finding = consult(0);
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
Test(crl_source, asks_a_url_once_a_minute)
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
	open_source(publisher.url);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct crl_finding finding;

		publisher.broken = rows[i].broken;
		finding = consult(rows[i].after_s);
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

Test(crl_source, is_used_like_this)
{
	struct crl_finding finding;

	/* set_up has called new_crl_source with the path of ca.crl. */
	put_crl(fixture.base.issuer, 1, false);
	consult_crl(fixture.source, issuer_certificate(fixture.base.issuer), fixture.certificate,
		    fixture.base.now_s, &finding);
	cr_assert_eq(finding.status, CRL_GOOD, "%s", finding.problem.text);

	/* The CA revokes the certificate, and its next CRL says so. */
	put_crl(fixture.base.issuer, 2, true);
	consult_crl(fixture.source, issuer_certificate(fixture.base.issuer), fixture.certificate,
		    fixture.base.now_s, &finding);
	cr_assert_eq(finding.status, CRL_REVOKED);
}
