#include "common/ca/service/ocsp_route.h"

#include "common/crypto/base64.h"
#include "common/x509/revocation/ocsp_request.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <string.h>

/* A CA with one certificate, its responder, and a request for that certificate. */
struct scene {
	struct ca_fixture ca;
	struct certificate *certificate;
	struct responder *responder;
	struct origin_rate *rate;
	struct buffer request;
	struct buffer path; /* for GET */
};

static struct scene scene;

static void set_request(struct bytes serial, struct bytes nonce)
{
	struct issuer_hashes hashes;

	clear_buffer(&scene.request);
	clear_buffer(&scene.path);
	OK(digest_issuer(authority_root(scene.ca.authority), &hashes, &fault));
	OK(format_ocsp_request(&hashes, OCSP_SHA1, serial, nonce, &scene.request, &fault));
	append_string(&scene.path, OCSP_GET_PATH);
	append_base64(&scene.path, bytes_of_buffer(&scene.request));
}

static void set_up(void)
{
	make_ca(&scene.ca, NOW_S);
	scene.certificate = certify_one(&scene.ca, NOW_S);
	OK(new_responder(authority_store(scene.ca.authority), authority_issuers(scene.ca.authority),
			 &scene.responder, &fault));
	OK(new_origin_rate(0, &scene.rate, &fault));
	set_request(certificate_serial(scene.certificate), (struct bytes){0});
}

static void tear_down(void)
{
	free_responder(&scene.responder);
	free_origin_rate(&scene.rate);
	free_certificate(&scene.certificate);
	clear_buffer(&scene.request);
	clear_buffer(&scene.path);
	remove_ca(&scene.ca);
}

TestSuite(ocsp_route, .init = set_up, .fini = tear_down);

static void clear_response(struct http_response *response)
{
	clear_buffer(&response->body);
}

static void serve(const char *method, const char *path, int64_t now_s,
		  struct http_response *response, struct fault *problem)
{
	const struct http_request request = {.method = method,
					     .path = path,
					     .body = bytes_of_buffer(&scene.request),
					     .origin = "192.0.2.1"};

	OK(serve_ocsp(scene.responder, scene.rate, &request, now_s, response, problem, &fault));
	cr_expect_str_eq(response->content_type, CONTENT_OCSP_RESPONSE);
}

static void expect_malformed(const char *path, const char *part)
{
	static const uint8_t expected[] = {0x30, 0x03, 0x0a, 0x01, OCSP_MALFORMED_REQUEST};
	CLEANUP(clear_response) struct http_response response = {0};
	struct fault problem = {0};

	serve("GET", path, NOW_S, &response, &problem);
	cr_expect(equal_bytes(bytes_of_buffer(&response.body),
			      (struct bytes){expected, sizeof(expected)}),
		  "%s", path);
	cr_expect_eq(problem.class, FAULT_MALFORMED);
	cr_expect_not_null(strstr(problem.text, part), "%s: %s", path, problem.text);
	cr_expect_eq(response.caching.expires_s, 0);
}

/* catalogue 54, 57 */
Test(ocsp_route, answers_a_path_that_is_no_request)
{
	static const struct {
		const char *path;
		const char *part;
	} rows[] = {
		{"/ocsp/", "not DER"},
		{"/ocsp/%", "two hex digits"},
		{"/ocsp/%4", "two hex digits"},
		{"/ocsp/%4g", "two hex digits"},
		{"/ocsp/%%41", "two hex digits"},
		{"/ocsp/%00", "base64"},
		{"/ocsp/?", "base64"},
		{"/ocsp/MAA", "base64"},
		{"/ocsp/MAA=", "TBSRequest"},
		{"/ocsp/../etc/passwd", "base64"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_malformed(rows[i].path, rows[i].part);
}

Test(ocsp_route, says_how_long_an_answer_may_be_kept)
{
	CLEANUP(clear_response) struct http_response first = {0};
	CLEANUP(clear_response) struct http_response again = {0};
	CLEANUP(clear_response) struct http_response later = {0};
	struct fault problem = {0};

	serve("GET", (const char *)scene.path.data, NOW_S, &first, &problem);
	serve("GET", (const char *)scene.path.data, NOW_S + 60, &again, &problem);
	serve("GET", (const char *)scene.path.data, NOW_S + OCSP_VALIDITY_S, &later, &problem);
	cr_expect_eq(problem.class, FAULT_NONE, "%s", problem.text);
	cr_expect_eq(first.caching.now_s, NOW_S);
	cr_expect_eq(first.caching.last_modified_s, NOW_S);
	cr_expect_eq(first.caching.expires_s, NOW_S + OCSP_VALIDITY_S);
	cr_expect_eq(again.caching.now_s, NOW_S + 60);
	cr_expect_eq(again.caching.expires_s, NOW_S + OCSP_VALIDITY_S);
	cr_expect_eq(strlen(first.caching.etag), 64);
	cr_expect_str_eq(again.caching.etag, first.caching.etag);
	cr_expect_str_neq(later.caching.etag, first.caching.etag);
}

/* Percent-encoded or not (RFC 6960 appendix A.1), it is the same question. */
Test(ocsp_route, reads_every_way_to_write_a_path)
{
	CLEANUP(clear_response) struct http_response posted = {0};
	CLEANUP(clear_response) struct http_response plain = {0};
	CLEANUP(clear_response) struct http_response encoded = {0};
	CLEANUP(clear_buffer) struct buffer path = {0};
	struct fault problem = {0};

	append_string(&path, OCSP_GET_PATH);
	for (const uint8_t *c = scene.path.data + strlen(OCSP_GET_PATH); *c != '\0'; c++)
		append_format(&path, *c % 2 == 0 ? "%%%02X" : "%%%02x", *c);
	serve("POST", OCSP_POST_PATH, NOW_S, &posted, &problem);
	serve("GET", (const char *)scene.path.data, NOW_S, &plain, &problem);
	serve("HEAD", (const char *)path.data, NOW_S, &encoded, &problem);
	cr_expect_eq(problem.class, FAULT_NONE, "%s", problem.text);
	cr_expect_gt(posted.body.len, 100);
	cr_expect(equal_bytes(bytes_of_buffer(&plain.body), bytes_of_buffer(&posted.body)));
	cr_expect(equal_bytes(bytes_of_buffer(&encoded.body), bytes_of_buffer(&posted.body)));
	cr_expect_eq(posted.caching.expires_s, 0);
	cr_expect_gt(encoded.caching.expires_s, 0);
}

/* An answer with a nonce is for one client, and an unknown certificate may be issued any time. */
Test(ocsp_route, lets_no_client_cache_the_rest)
{
	static const uint8_t never_issued[SERIAL_MAX] = {0x11};
	CLEANUP(clear_response) struct http_response unknown = {0};
	CLEANUP(clear_response) struct http_response nonced = {0};
	struct fault problem = {0};

	set_request((struct bytes){never_issued, SERIAL_MAX}, (struct bytes){0});
	serve("GET", (const char *)scene.path.data, NOW_S, &unknown, &problem);
	set_request(certificate_serial(scene.certificate), bytes_of_string("nonce"));
	serve("GET", (const char *)scene.path.data, NOW_S, &nonced, &problem);
	cr_expect_gt(unknown.body.len, 100);
	cr_expect_gt(nonced.body.len, 100);
	cr_expect_eq(unknown.caching.expires_s, 0);
	cr_expect_str_eq(unknown.caching.etag, "");
	cr_expect_eq(nonced.caching.expires_s, 0);
}

/* catalogue 108: tryLater (RFC 6960 section 2.3), unsigned, whatever the request is. */
Test(ocsp_route, puts_an_origin_off_that_asks_too_often)
{
	static const uint8_t expected[] = {0x30, 0x03, 0x0a, 0x01, OCSP_TRY_LATER};

	free_origin_rate(&scene.rate);
	OK(new_origin_rate(1, &scene.rate, &fault));
	for (int i = 0; i < 3; i++) {
		CLEANUP(clear_response) struct http_response response = {0};
		struct fault problem = {0};

		serve("GET", (const char *)scene.path.data, NOW_S, &response, &problem);
		cr_expect_eq(equal_bytes(bytes_of_buffer(&response.body),
					 (struct bytes){expected, sizeof(expected)}),
			     i > 0);
		cr_expect_eq(problem.class, i > 0 ? FAULT_BUSY : FAULT_NONE);
		cr_expect_eq(response.caching.expires_s != 0, i == 0);
	}
}
