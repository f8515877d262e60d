#include "common/wire/envelope.h"

#include "common/net/http.h"
#include "common/wire/certificates.h"
#include "common/wire/status.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <string.h>

/* A server that opens each question and answers it as the test chooses. */
static struct {
	struct key_ring ring; /* its keys */
	struct http_server *server;
	struct http_client *client; /* of the other side */
	struct shared_key key;      /* that both have */
	const struct message_kind *answer_kind;
	bool answer_under_another_key;
} fake;

static int handle(const struct http_request *request, struct http_response *response, void *context,
		  struct fault *fault)
{
	CLEANUP(clear_request) struct question question = {0};
	struct shared_key other;

	(void)context;
	if (open_request(&fake.ring, &status_kind, request->body, &question, fault) < 0)
		return -1;
	if (fake.answer_under_another_key) {
		if (generate_shared_key(&other, fault) < 0)
			return -1;
		response->content_type = CONTENT_JOSE;
		return encrypt_message(&other, STATUS_ANSWER_TYPE, NULL, request->body,
				       &response->body, fault);
	}
	return answer_request(&fake.ring, fake.answer_kind, &question,
			      bytes_of_secret(&question.message.plaintext), response, fault);
}

static void start(void)
{
	static const struct http_route routes[] = {{"POST", STATUS_PATH, CONTENT_JOSE,
						    STATUS_REQUEST_MAX, handle, false, NULL,
						    ROUTE_PRIVATE},
						   {0}};
	struct http_server_settings settings = {.listen = {1, {{"127.0.0.1", 0, false}}},
						.routes = routes};
	struct http_client_settings client = {0};

	fake.answer_kind = &status_kind;
	OK(generate_shared_key(&fake.key, &fault));
	OK(add_peer_key(&fake.ring, "client1", &fake.key, &fault));
	OK(start_http_server(&settings, &fake.server, &fault));
	client.endpoint = http_server_endpoints(fake.server)->endpoints[0];
	OK(new_http_client(&client, &fake.client, &fault));
}

static void stop(void)
{
	free_http_client(&fake.client);
	stop_http_server(&fake.server);
	clear_key_ring(&fake.ring);
}

static int ask_fake(const struct shared_key *key, struct secret *ret_answer, struct fault *fault)
{
	uint8_t digest[SHA256_LEN];

	return ask_encrypted(fake.client, &status_kind, key, bytes_of_string("hello"), ret_answer,
			     digest, fault);
}

/* catalogue 19 */
Test(envelope, refuses_a_question_under_a_key_that_is_not_shared, .init = start, .fini = stop)
{
	struct shared_key other;
	struct secret answer = {0};
	struct fault unknown_kid = {0};

	cr_assert_eq(generate_shared_key(&other, &unknown_kid), 0);
	cr_expect_eq(ask_fake(&other, &answer, &unknown_kid), -1);
	cr_expect_eq(unknown_kid.class, FAULT_REFUSED, "%s", unknown_kid.text);
	memcpy(other.kid, fake.key.kid, sizeof(other.kid));
	REFUSED(ask_fake(&other, &answer, &fault), FAULT_REFUSED, NULL);
	cr_expect_str_eq(unknown_kid.text, last_refusal()->text,
			 "the texts tell an unknown kid from a wrong key");
}

/* catalogue 65 */
Test(envelope, refuses_an_answer_that_is_not_under_our_key, .init = start, .fini = stop)
{
	struct secret answer = {0};

	fake.answer_under_another_key = true;
	REFUSED(ask_fake(&fake.key, &answer, &fault), FAULT_UNVERIFIED, "cannot be decrypted");
	cr_expect_null(answer.data);
}

/* catalogue 21, 23 */
Test(envelope, refuses_an_answer_of_another_type, .init = start, .fini = stop)
{
	struct secret answer = {0};

	fake.answer_kind = &certificates_kind;
	REFUSED(ask_fake(&fake.key, &answer, &fault), FAULT_UNVERIFIED, "typ");
}

/* catalogue 21, 23 */
Test(envelope, refuses_a_question_of_another_type)
{
	static const struct {
		const char *typ;
		const char *cty;
	} rows[] = {{CERTIFICATES_TYPE, NULL}, {STATUS_ANSWER_TYPE, NULL}, {STATUS_TYPE, "jose"}};
	struct key_ring ring = {0};
	struct shared_key key;

	OK(generate_shared_key(&key, &fault));
	OK(add_peer_key(&ring, "client1", &key, &fault));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buffer jwe = {0};
		struct question question = {0};

		OK(encrypt_message(&key, rows[i].typ, rows[i].cty, bytes_of_string("{}"), &jwe,
				   &fault));
		REFUSED(open_request(&ring, &status_kind, bytes_of_buffer(&jwe), &question, &fault),
			FAULT_UNDECRYPTABLE, rows[i].typ);
		clear_buffer(&jwe);
	}
	clear_key_ring(&ring);
}

/* A client asks the CA for a certificate's status, without HTTP. */
Test(envelope, is_used_like_this)
{
	CLEANUP(clear_status_request) struct status_request request = {0};
	CLEANUP(clear_secret) struct secret request_json = {0};
	CLEANUP(clear_buffer) struct buffer request_jwe = {0};
	CLEANUP(clear_request) struct question question = {0};
	CLEANUP(clear_status_request) struct status_request received = {0};
	struct request_claims claims = {0};
	struct status_answer answer = {.status = STATUS_UNKNOWN};
	CLEANUP(clear_secret) struct secret answer_json = {0};
	CLEANUP(clear_buffer) struct buffer answer_jwe = {0};
	CLEANUP(clear_secret) struct secret opened = {0};
	struct status_answer read = {0};
	CLEANUP(clear_key_ring) struct key_ring ring = {0};
	uint8_t request_sha256[SHA256_LEN];
	struct shared_key key;

	/* The two have a key in common, which the CA knows as client1's. */
	OK(generate_shared_key(&key, &fault));
	OK(add_peer_key(&ring, "client1", &key, &fault));

	/* The client asks. */
	OK(make_request_claims("client1", "ca", 1790000000, &request.claims, &fault));
	append_string(&request.certificate, "-----BEGIN CERTIFICATE-----");
	OK(format_status_request(&request, &request_json, &fault));
	OK(encrypt_message(&key, status_kind.typ, NULL, bytes_of_secret(&request_json),
			   &request_jwe, &fault));
	digest_sha256(bytes_of_buffer(&request_jwe), request_sha256);

	/* The CA reads the question and answers under the same key. */
	OK(open_request(&ring, &status_kind, bytes_of_buffer(&request_jwe), &question, &fault));
	OK(parse_status_request(bytes_of_secret(&question.message.plaintext), &received, &claims,
				&fault));
	check_request_claims(&claims, question.message.peer, "ca", 1790000007, &answer.refusal);
	cr_expect_not(is_refused(&answer.refusal), "%s", answer.refusal.detail);
	answer.claims = make_answer_claims(&claims, question.sha256, "ca", question.message.peer,
					   1790000007);
	OK(format_status_answer(&answer, &answer_json, &fault));
	OK(encrypt_answer(&ring, &status_kind, &question, bytes_of_secret(&answer_json),
			  &answer_jwe, &fault));

	/* The client reads the answer to its own question. */
	OK(open_answer(&status_kind, &key, bytes_of_buffer(&answer_jwe), &opened, &fault));
	OK(parse_status_answer(bytes_of_secret(&opened), &read, &fault));
	OK(check_answer_claims(&read.claims, &request.claims, request_sha256, &fault));
	cr_expect_eq(read.status, STATUS_UNKNOWN);
}

Test(envelope, answers_a_question, .init = start, .fini = stop)
{
	struct secret answer = {0};

	OK(ask_fake(&fake.key, &answer, &fault));
	cr_expect_str_eq((char *)answer.data, "hello");
	clear_secret(&answer);
}

/* --- the answer to a signed message --- */

#define CLAIMS                                                                                     \
	"\"iss\":\"client2\",\"aud\":\"client1\",\"iat\":1790000000,"                              \
	"\"request_sha256\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""

Test(envelope, refuses_a_message_answer_that_is_no_verdict)
{
	static const struct {
		const char *json;
		const char *part;
	} rows[] = {
		{"{" CLAIMS "}", "expected a member \"verdict\""},
		{"{" CLAIMS ",\"verdict\":\"Verified\"}",
		 "verified, refused or certificate_wanted"},
		{"{" CLAIMS ",\"verdict\":\"refused\"}", "reason"},
		{"{" CLAIMS ",\"verdict\":1}", "found an integer"},
		{"{" CLAIMS ",\"verdict\":\"verified\",\"error\":{}}", "unknown member"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct message_answer answer = {0};

		REFUSED(parse_message_answer(bytes_of_string(rows[i].json), &answer, &fault),
			FAULT_MALFORMED, rows[i].part, "row %zu", i);
	}
}

Test(envelope, reads_the_message_answers_that_it_writes)
{
	static const struct message_answer answers[] = {
		{.verified = true},           {.verified = true, .remembered = true},
		{.reason = "a replay"},       {.reason = "certificate_remembered"},
		{.certificate_wanted = true},
	};
	const struct request_claims request = {.iss = "client1", .aud = "client2"};
	const uint8_t digest[SHA256_LEN] = {1};

	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		struct message_answer answer = answers[i];
		struct message_answer parsed = {0};
		struct secret json = {0};

		answer.claims = make_answer_claims(&request, digest, "client2", "client1", 1);
		OK(format_message_answer(&answer, &json, &fault));
		OK(parse_message_answer(bytes_of_secret(&json), &parsed, &fault));
		cr_expect_eq(parsed.verified, answer.verified, "%zu", i);
		cr_expect_eq(parsed.remembered, answer.remembered, "%zu", i);
		cr_expect_eq(parsed.certificate_wanted, answer.certificate_wanted, "%zu", i);
		cr_expect_str_eq(parsed.reason, answer.reason, "%zu", i);
		clear_secret(&json);
	}
}

/* They refuse a member that they do not know, but pass over this one. */
Test(envelope, tells_older_senders_nothing_that_they_refuse)
{
	struct message_answer parsed = {0};

	OK(parse_message_answer(
		bytes_of_string("{" CLAIMS ",\"verdict\":\"verified\",\"reason\":\"news\"}"),
		&parsed, &fault));
	cr_expect(parsed.verified && !parsed.remembered);
	cr_expect_str_empty(parsed.reason);
}
