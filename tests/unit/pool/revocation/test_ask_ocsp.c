#include "common/pool/revocation/ask_ocsp.h"

#include "common/net/server.h"
#include "common/x509/revocation/ocsp_request.h"
#include "tests/support/expect.h"
#include "tests/unit/pool/fake_ca.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct fixture fixture;

static void set_up(void)
{
	open_fixture(&fixture);
	make_certified_pool(&fixture, 0);
}

static void tear_down(void)
{
	close_fixture(&fixture);
}

TestSuite(ask_ocsp, .init = set_up, .fini = tear_down);

/* A responder on loopback that signs any answer with an issuer's key. */
struct responder {
	const struct issuer *issuer;
	int64_t now_s;
	enum ocsp_status status;
	unsigned int http; /* 0: 200 */
	const char *content_type;
	enum ocsp_outcome outcome;
	bool without_nonce;
	bool silent;       /* an empty body */
	struct bytes body; /* in place of an answer, when not empty */
	struct http_server *server;
	char url[ENDPOINT_TEXT_SIZE + 8];
};

static int sign(const struct responder *responder, const struct ocsp_request *request,
		struct buffer *ret_der, struct fault *fault)
{
	const struct ocsp_single single = {.id = request->ids[0],
					   .status = responder->status,
					   .revoked_at_s = responder->now_s - 60,
					   .reason = 1,
					   .this_update_s = responder->now_s,
					   .next_update_s = responder->now_s + 60};
	const struct ocsp_answer answer = {.singles = &single,
					   .count = 1,
					   .nonce = responder->without_nonce ? (struct bytes){0}
									     : request->nonce,
					   .produced_at_s = responder->now_s};
	const struct ocsp_signer signer = {.key = issuer_key(responder->issuer),
					   .certificate = issuer_certificate(responder->issuer)};

	cr_expect_eq(request->count, 1);
	cr_expect_eq(request->nonce.len, 32);
	return format_ocsp_response(&answer, &signer, ret_der, fault);
}

static int respond(const struct http_request *request, struct http_response *response,
		   void *context, struct fault *fault)
{
	const struct responder *responder = context;
	struct ocsp_request parsed;

	response->status = responder->http != 0 ? responder->http : 200;
	response->content_type = responder->content_type;
	if (responder->silent || responder->body.len > 0) {
		append_bytes(&response->body, responder->body);
		return 0;
	}
	if (responder->outcome != OCSP_SUCCESSFUL)
		return format_ocsp_error(responder->outcome, &response->body, fault);
	if (parse_ocsp_request(request->body, &parsed, fault) < 0)
		return -1;
	return sign(responder, &parsed, &response->body, fault);
}

static const struct http_route routes[] = {
	{.method = "POST",
	 .path = "/ocsp",
	 .content_type = CONTENT_OCSP_REQUEST,
	 .body_max = OCSP_REQUEST_MAX,
	 .handler = respond},
	{0},
};

static void start_responder(struct responder *responder)
{
	struct http_server_settings settings = {
		.listen = {1, {{"127.0.0.1", 0, false}}}, .routes = routes, .context = responder};
	char endpoint[ENDPOINT_TEXT_SIZE];

	responder->issuer = fixture.issuer;
	responder->now_s = fixture.now_s;
	responder->content_type = CONTENT_OCSP_RESPONSE;
	OK(start_http_server(&settings, &responder->server, &fault));
	format_endpoint(&http_server_endpoints(responder->server)->endpoints[0], endpoint);
	(void)snprintf(responder->url, sizeof(responder->url), "%s/ocsp", endpoint);
}

static void stop_responder(struct responder *responder)
{
	stop_http_server(&responder->server);
}

static int ask(const char *url, struct ocsp_finding *ret_finding, struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *certificate = first_certificate(&fixture);

	return ask_ocsp(&(struct ocsp_location){.url = url}, issuer_certificate(fixture.issuer),
			certificate, fixture.now_s, ret_finding, fault);
}

static void expect_untold(const char *url, const char *part)
{
	struct ocsp_finding finding = {.reason = -1};

	REFUSED(ask(url, &finding, &fault), FAULT_UNREACHABLE,
		"cannot tell whether the certificate is revoked");
	SAID(part);
	SAID("ask again later, or another responder");
	SAID(url);
	cr_expect_eq(finding.reason, -1);
}

static void fail(struct responder *responder)
{
	responder->http = 500;
}

static void redirect(struct responder *responder)
{
	responder->http = 302;
}

static void miss(struct responder *responder)
{
	responder->http = 404;
}

static void speak_html(struct responder *responder)
{
	responder->content_type = "text/html";
}

static void say_try_later(struct responder *responder)
{
	responder->outcome = OCSP_TRY_LATER;
}

static void say_unauthorized(struct responder *responder)
{
	responder->outcome = OCSP_UNAUTHORIZED;
}

static void say_nothing(struct responder *responder)
{
	responder->silent = true;
}

static void say_nonsense(struct responder *responder)
{
	responder->body = bytes_of_string("nonsense");
}

static void say_too_much(struct responder *responder)
{
	static const uint8_t zeros[OCSP_RESPONSE_MAX + 1];

	responder->body = (struct bytes){zeros, sizeof(zeros)};
}

static void forget_nonce(struct responder *responder)
{
	responder->without_nonce = true;
}

static void live_in_the_past(struct responder *responder)
{
	responder->now_s -= 86400;
}

/* catalogue 53, 54, 56: fails closed, always with "cannot tell" */
Test(ask_ocsp, does_not_take_a_missing_answer_for_good)
{
	static const struct {
		void (*spoil)(struct responder *responder);
		const char *part;
	} rows[] = {
		{fail, "answered 500"},
		{redirect, "answered 302"},
		{miss, "answered 404"},
		{speak_html, "found text/html"},
		{say_try_later, "the responder says tryLater"},
		{say_unauthorized, "the responder says unauthorized"},
		{say_nothing, "not DER"},
		{say_nonsense, "not DER"},
		{say_too_much, "larger than the 65536 octets"},
		{forget_nonce,
		 "certpool expects the nonce that was sent in the response, found none"},
		{live_in_the_past, "certpool expects nextUpdate not to be past"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(stop_responder) struct responder responder = {0};

		start_responder(&responder);
		rows[i].spoil(&responder);
		expect_untold(responder.url, rows[i].part);
	}
}

Test(ask_ocsp, refuses_the_answer_of_another_root)
{
	CLEANUP(stop_responder) struct responder responder = {0};

	start_responder(&responder);
	responder.issuer = fixture.other_issuer;
	expect_untold(responder.url, "RFC 6960");
}

/* catalogue 56 */
Test(ask_ocsp, cannot_tell_when_no_responder_listens)
{
	struct endpoint endpoint = dead_endpoint();
	char url[ENDPOINT_TEXT_SIZE];

	format_endpoint(&endpoint, url);
	expect_untold(url, "nobody listens there");
}

Test(ask_ocsp, refuses_an_invalid_url)
{
	struct ocsp_finding finding = {0};

	REFUSED(ask("ftp://h/ocsp", &finding, &fault), FAULT_USAGE, "expected http://HOST");
	REFUSED(ask("https://h/ocsp", &finding, &fault), FAULT_USAGE, "expected a root");
}

Test(ask_ocsp, returns_the_status_of_the_responder)
{
	static const enum ocsp_status statuses[] = {OCSP_GOOD, OCSP_REVOKED, OCSP_UNKNOWN};
	CLEANUP(stop_responder) struct responder responder = {0};

	start_responder(&responder);
	for (size_t i = 0; i < COUNT_OF(statuses); i++) {
		struct ocsp_finding finding = {0};

		responder.status = statuses[i];
		OK(ask(responder.url, &finding, &fault));
		cr_expect_eq(finding.status, statuses[i]);
		cr_expect_eq(finding.revoked_at_s,
			     statuses[i] == OCSP_REVOKED ? fixture.now_s - 60 : 0);
		cr_expect_eq(finding.reason, statuses[i] == OCSP_REVOKED ? 1 : 0);
	}
}
