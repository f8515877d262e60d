#include "common/wire/revocation.h"

#include "common/x509/revocation/crl_reason.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define CLAIMS                                                                                     \
	"\"iss\":\"client1\",\"aud\":\"ca\",\"iat\":1790000000,\"jti\":\"AAAAAAAAAAAAAAAAAAAAAA\""
#define ANSWER_CLAIMS                                                                              \
	"\"iss\":\"ca\",\"aud\":\"client1\",\"iat\":1790000000,"                                   \
	"\"request_sha256\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""
#define SERIAL "2b4f000102030405060708090a0b0c0d0e0f1011"
#define REASON "\"reason\":\"keyCompromise\""
#define MEMBER                                                                                     \
	"{\"serial\":\"" SERIAL "\",\"member\":\"key1\",\"revoked_at\":1790000000," REASON "}"

/* catalogue 18, 27, 31, 64 */
Test(revocation, refuses_requests_that_are_not_as_the_format_says)
{
	static const struct {
		const char *json;
		const char *part;
	} rows[] = {
		{"", "JSON"},
		{"{" CLAIMS "," REASON "}", "expected a member \"serials\""},
		{"{" CLAIMS ",\"serials\":[\"" SERIAL "\"]}", "expected a member \"reason\""},
		{"{" CLAIMS ",\"serials\":[]," REASON "}", "at least one"},
		{"{" CLAIMS ",\"serials\":\"" SERIAL "\"," REASON "}", "expected an array"},
		{"{" CLAIMS ",\"serials\":[1]," REASON "}", "serials as text"},
		{"{" CLAIMS ",\"serials\":[null]," REASON "}", "serials as text"},
		{"{" CLAIMS ",\"serials\":[\"2b\"]," REASON "}", "found 2"},
		{"{" CLAIMS ",\"serials\":[\"\"]," REASON "}", "expected a serial"},
		{"{" CLAIMS ",\"serials\":[\"client1/7\"]," REASON "}", "expected a serial"},
		{"{" CLAIMS ",\"serials\":[\"" SERIAL "\",\"0x" SERIAL "\"]," REASON "}", "twice"},
		{"{" CLAIMS ",\"serials\":[\"" SERIAL "\"],\"reason\":\"because\"}", "because"},
		{"{" CLAIMS ",\"serials\":[\"" SERIAL "\"],\"reason\":1}", "expected a string"},
		/* catalogue 60 */
		{"{" CLAIMS ",\"serials\":[\"" SERIAL "\"],\"reason\":\"removeFromCRL\"}",
		 "no removeFromCRL"},
		{"{" CLAIMS ",\"serials\":[\"" SERIAL "\"],\"reason\":\"certificateHold\"}",
		 "no certificateHold"},
		{"{" CLAIMS ",\"serials\":[\"" SERIAL "\"]," REASON ",\"client\":\"client2\"}",
		 "unknown member"},
		{"{\"iss\":\"client1\",\"aud\":\"ca\",\"iat\":1,\"serials\":[\"" SERIAL
		 "\"]," REASON "}",
		 "expected a member \"jti\""},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct revocation_request request = {0};
		struct request_claims claims = {0};

		REFUSED(parse_revocation_request(bytes_of_string(rows[i].json), &request, &claims,
						 &fault),
			FAULT_MALFORMED, rows[i].part, "row %zu", i);
		cr_expect_null(request.serials);
	}
}

Test(revocation, fills_the_jti_of_a_request_that_it_refuses)
{
	struct revocation_request request = {0};
	struct request_claims claims = {0};

	REFUSED(parse_revocation_request(bytes_of_string("{" CLAIMS ",\"serials\":[]," REASON "}"),
					 &request, &claims, &fault),
		FAULT_MALFORMED, NULL);
	cr_expect_str_eq(claims.jti, "AAAAAAAAAAAAAAAAAAAAAA");
}

static void append_serials(struct buffer *json, unsigned int count)
{
	append_string(json, "{" CLAIMS "," REASON ",\"serials\":[");
	for (unsigned int i = 0; i < count; i++)
		append_format(json, "%s\"%040x\"", i > 0 ? "," : "", i);
	append_string(json, "]}");
}

/* catalogue 33 */
Test(revocation, takes_a_thousand_serials_and_no_more)
{
	struct buffer most = {0};
	struct buffer more = {0};
	struct revocation_request request = {0};
	struct request_claims claims = {0};

	append_serials(&most, REVOCATIONS_MAX);
	append_serials(&more, REVOCATIONS_MAX + 1);
	cr_assert_lt(more.len, REVOCATIONS_REQUEST_MAX);
	OK(parse_revocation_request(bytes_of_buffer(&most), &request, &claims, &fault));
	cr_expect_eq(request.serial_count, REVOCATIONS_MAX);
	cr_expect_eq(request.serials[REVOCATIONS_MAX - 1][SERIAL_MAX - 1], 0xe7);
	clear_revocation_request(&request);
	REFUSED(parse_revocation_request(bytes_of_buffer(&more), &request, &claims, &fault),
		FAULT_TOO_LARGE, "1001");
	clear_buffer(&most);
	clear_buffer(&more);
}

Test(revocation, refuses_answers_that_are_not_as_the_format_says)
{
	static const struct {
		const char *json;
		const char *part;
	} rows[] = {
		{"{" ANSWER_CLAIMS "}", "expected 1 to 1000 certificates, found 0"},
		{"{" ANSWER_CLAIMS ",\"revoked\":[]}", "expected 1 to 1000 certificates, found 0"},
		{"{" ANSWER_CLAIMS ",\"revoked\":[\"" SERIAL "\"]}", "expected objects"},
		{"{" ANSWER_CLAIMS ",\"revoked\":[{\"serial\":\"" SERIAL "\"}]}",
		 "expected a member \"member\""},
		{"{" ANSWER_CLAIMS ",\"revoked\":[{\"serial\":\"2b\",\"member\":\"key1\","
		 "\"revoked_at\":1," REASON "}]}",
		 "found 2"},
		{"{" ANSWER_CLAIMS ",\"revoked\":[{\"serial\":\"" SERIAL
		 "\",\"member\":\"../x\",\"revoked_at\":1," REASON "}]}",
		 "expected a name"},
		{"{" ANSWER_CLAIMS ",\"revoked\":[{\"serial\":\"" SERIAL
		 "\",\"member\":\"key1\",\"revoked_at\":-1," REASON "}]}",
		 "seconds since 1970"},
		{"{" ANSWER_CLAIMS ",\"revoked\":[{\"serial\":\"" SERIAL
		 "\",\"member\":\"key1\",\"revoked_at\":1,\"already\":false," REASON "}]}",
		 "member \"already\""},
		{"{" ANSWER_CLAIMS ",\"revoked\":[" MEMBER "],\"crl_number\":0}", "from 1"},
		{"{" ANSWER_CLAIMS ",\"revoked\":[" MEMBER "],\"crl_number\":\"1\"}",
		 "expected an integer"},
		{"{" ANSWER_CLAIMS ",\"revoked\":[" MEMBER "],\"more\":1}", "unknown member"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct revocation_answer answer = {0};

		REFUSED(parse_revocation_answer(bytes_of_string(rows[i].json), &answer, &fault),
			FAULT_MALFORMED, rows[i].part, "row %zu", i);
		cr_expect_null(answer.revoked);
	}
}

Test(revocation, reads_the_request_that_it_writes)
{
	uint8_t serials[2][SERIAL_MAX] = {{1}, {2}};
	struct revocation_request request = {
		.serials = serials, .serial_count = 2, .reason = REASON_SUPERSEDED};
	struct revocation_request parsed = {0};
	struct request_claims claims = {0};
	struct secret json = {0};

	OK(make_request_claims("client1", "ca", 1790000000, &request.claims, &fault));
	OK(format_revocation_request(&request, &json, &fault));
	OK(parse_revocation_request(bytes_of_secret(&json), &parsed, &claims, &fault));
	cr_expect_eq(parsed.serial_count, 2);
	cr_expect_arr_eq(parsed.serials, serials, sizeof(serials));
	cr_expect_eq(parsed.reason, REASON_SUPERSEDED);
	cr_expect_str_eq(parsed.claims.jti, request.claims.jti);
	clear_revocation_request(&parsed);
	clear_secret(&json);
}

Test(revocation, reads_the_answer_that_it_writes)
{
	struct revoked_member member = {
		.serial = {3}, .member = "key7", .revoked_at_s = 1790000001, .reason = 1};
	const struct request_claims claims = {.iss = "client1"};
	struct revocation_answer answer = {.revoked = &member, .revoked_count = 1};
	uint8_t digest[SHA256_LEN] = {1};

	for (uint64_t number = 0; number < 2; number++) {
		struct revocation_answer parsed = {0};
		struct secret json = {0};

		answer.crl_number = number;
		member.already = number == 1;
		answer.claims = make_answer_claims(&claims, digest, "ca", "client1", 1790000000);
		OK(format_revocation_answer(&answer, &json, &fault));
		OK(parse_revocation_answer(bytes_of_secret(&json), &parsed, &fault));
		cr_expect_eq(parsed.crl_number, number);
		cr_assert_eq(parsed.revoked_count, 1);
		cr_expect_eq(parsed.revoked[0].serial[0], 3);
		cr_expect_str_eq(parsed.revoked[0].member, "key7");
		cr_expect_eq(parsed.revoked[0].revoked_at_s, 1790000001);
		cr_expect_eq(parsed.revoked[0].reason, 1);
		cr_expect_eq(parsed.revoked[0].already, number == 1);
		clear_revocation_answer(&parsed);
		clear_secret(&json);
	}
}

Test(revocation, carries_a_refusal_in_place_of_certificates)
{
	struct revocation_answer answer = {0};
	struct revocation_answer parsed = {0};
	const struct request_claims claims = {.iss = "client1"};
	uint8_t digest[SHA256_LEN] = {1};
	struct secret json = {0};

	set_refusal(&answer.refusal, "not_yours", "no");
	answer.claims = make_answer_claims(&claims, digest, "ca", "client1", 1790000000);
	OK(format_revocation_answer(&answer, &json, &fault));
	OK(parse_revocation_answer(bytes_of_secret(&json), &parsed, &fault));
	cr_expect_str_eq(parsed.refusal.type, "not_yours");
	cr_expect_eq(parsed.revoked_count, 0);
	clear_secret(&json);
}
