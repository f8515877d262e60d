#include "common/wire/status.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>

#define ANSWER_CLAIMS                                                                              \
	"\"iss\":\"ca\",\"aud\":\"client2\",\"iat\":1790000000,"                                   \
	"\"request_sha256\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""

Test(status, refuses_answers_that_are_not_as_the_format_says)
{
	static const struct {
		const char *json;
		const char *part;
	} rows[] = {
		{"{" ANSWER_CLAIMS "}", "expected a member \"status\""},
		{"{" ANSWER_CLAIMS ",\"status\":\"fine\"}", "found \"fine\""},
		{"{" ANSWER_CLAIMS ",\"status\":true}", "found a boolean"},
		{"{" ANSWER_CLAIMS ",\"status\":\"revoked\"}", "revoked_at"},
		{"{" ANSWER_CLAIMS ",\"status\":\"revoked\",\"revoked_at\":1}", "reason"},
		{"{" ANSWER_CLAIMS ",\"status\":\"good\",\"serial\":\"" /* 41 digits */
		 "0123456789012345678901234567890123456789a\"}",
		 "at most 40"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct status_answer answer = {0};

		REFUSED(parse_status_answer(bytes_of_string(rows[i].json), &answer, &fault),
			FAULT_MALFORMED, rows[i].part, "row %zu", i);
	}
}

Test(status, refuses_a_request_without_a_certificate)
{
	static const char json[] = "{\"iss\":\"client2\",\"aud\":\"ca\",\"iat\":1790000000,"
				   "\"jti\":\"BAAAAAAAAAAAAAAAAAAAAA\"}";
	struct status_request request = {0};
	struct request_claims claims = {0};

	REFUSED(parse_status_request(bytes_of_string(json), &request, &claims, &fault),
		FAULT_MALFORMED, "certificate");
	cr_expect_str_eq(claims.jti, "BAAAAAAAAAAAAAAAAAAAAA");
}

Test(status, reads_what_it_writes)
{
	struct request_claims claims = {0};
	struct status_request request = {0};
	struct status_request parsed_request = {0};
	struct status_answer answer = {.status = STATUS_REVOKED,
				       .serial = "0a",
				       .revoked_at_s = 1790000001,
				       .reason = "keyCompromise"};
	struct status_answer parsed = {0};
	uint8_t digest[SHA256_LEN] = {1};
	struct secret json = {0};

	append_string(&request.certificate, "PEM");
	OK(make_request_claims("client2", "ca", 1790000000, &request.claims, &fault));
	OK(format_status_request(&request, &json, &fault));
	OK(parse_status_request(bytes_of_secret(&json), &parsed_request, &claims, &fault));
	cr_expect_str_eq((char *)parsed_request.certificate.data, "PEM");
	clear_secret(&json);

	answer.claims = make_answer_claims(&claims, digest, "ca", "client2", 1790000000);
	OK(format_status_answer(&answer, &json, &fault));
	OK(parse_status_answer(bytes_of_secret(&json), &parsed, &fault));
	cr_expect_eq(parsed.status, STATUS_REVOKED);
	cr_expect_eq(parsed.revoked_at_s, 1790000001);
	cr_expect_str_eq(parsed.reason, "keyCompromise");
	cr_expect_str_eq(parsed.serial, "0a");
	cr_expect_str_eq(parsed.claims.in_reply_to, claims.jti);
	clear_secret(&json);
	clear_status_request(&request);
	clear_status_request(&parsed_request);
}
