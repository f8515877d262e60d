#include "common/wire/certificates.h"

#include "common/layout/manifest.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define CLAIMS                                                                                     \
	"\"iss\":\"client1\",\"aud\":\"ca\",\"iat\":1790000000,\"jti\":\"AAAAAAAAAAAAAAAAAAAAAA\""
#define ANSWER_CLAIMS                                                                              \
	"\"iss\":\"ca\",\"aud\":\"client1\",\"iat\":1790000000,"                                   \
	"\"in_reply_to\":\"AAAAAAAAAAAAAAAAAAAAAA\","                                              \
	"\"request_sha256\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""

static struct bytes text(const char *string)
{
	return bytes_of_string(string);
}

/* catalogue 18, 25, 27, 28, 29, 31, 32, 64 */
Test(certificates, refuses_requests_that_are_not_as_the_format_says)
{
	static const struct {
		const char *json;
		const char *part;
	} rows[] = {
		{"", "JSON"},
		{"[]", "expected a JSON object"},
		{"{}", "expected a member \"iss\""},
		{"{" CLAIMS "}", "expected a member \"requests\""},
		{"{" CLAIMS ",\"requests\":{}}", "at least one"},
		{"{" CLAIMS ",\"requests\":[]}", "expected an object, found an array"},
		{"{" CLAIMS ",\"requests\":{\"key1\":1}}", "expected PEM text"},
		{"{" CLAIMS ",\"requests\":{\"../../x\":\"\"}}", "expected a name"},
		{"{" CLAIMS ",\"requests\":{\"\":\"\"}}", "expected a name"},
		{"{" CLAIMS ",\"requests\":{\"a/b\":\"\"}}", "expected a name"},
		{"{" CLAIMS ",\"requests\":{\"-x\":\"\"}}", "expected a name"},
		{"{" CLAIMS ",\"requests\":{\"k\xc3\xa9y\":\"\"}}", "expected a name"},
		{"{" CLAIMS ",\"requests\":{\"k\\u0000\":\"\"}}", "JSON"},
		{"{" CLAIMS ",\"requests\":{\"key1\":\"a\\u0000\"}}", "JSON"},
		{"{" CLAIMS ",\"requests\":{\"key1\":\"\\ud800\"}}", "JSON"},
		{"{" CLAIMS ",\"requests\":{\"key1\":\"\xff\"}}", "JSON"},
		{"{" CLAIMS ",\"requests\":{\"key1\":\"\xc0\x80\"}}", "JSON"},
		{"\xef\xbb\xbf{" CLAIMS ",\"requests\":{\"key1\":\"\"}}", "JSON"},
		{"{" CLAIMS ",\"requests\":{\"key1\":\"\",\"key1\":\"\"}}", "duplicate"},
		{"{" CLAIMS "," CLAIMS ",\"requests\":{\"key1\":\"\"}}", "duplicate"},
		{"{" CLAIMS ",\"requests\":{\"key1\":\"\"}} x", "JSON"},
		{"{" CLAIMS ",\"requests\":{\"key1\":\"\"},\"count\":1}", "unknown member"},
		{"{" CLAIMS ",\"requests\":{\"key1\":\"\"},\"not_before\":1}",
		 "expected not_before and not_after, or neither"},
		{"{" CLAIMS ",\"requests\":{\"key1\":\"\"},\"not_after\":1}", "or neither"},
		{"{" CLAIMS ",\"requests\":{\"key1\":\"\"},\"not_before\":-1,\"not_after\":1}",
		 "expected a time before not_after"},
		{"{" CLAIMS ",\"requests\":{\"key1\":\"\"},\"not_before\":2,\"not_after\":2}",
		 "expected a time before not_after"},
		{"{" CLAIMS ",\"requests\":{\"key1\":\"\"},\"not_before\":2,"
		 "\"not_after\":253402300800}",
		 "and the year 10000"},
		{"{" CLAIMS ",\"requests\":{\"key1\":\"\"},\"not_before\":2,\"not_after\":\"3\"}",
		 "\"not_after\": expected an integer"},
		{"{\"iss\":\"client1\",\"aud\":\"ca\",\"iat\":1790000000,\"requests\":{}}",
		 "expected a member \"jti\""},
		{"{\"iss\":\"client1\",\"aud\":\"ca\",\"jti\":\"x\",\"requests\":{}}",
		 "expected a member \"iat\""},
		{"{\"aud\":\"ca\",\"iat\":1,\"jti\":\"x\",\"requests\":{}}",
		 "expected a member \"iss\""},
		{"{\"iss\":\"client1\",\"iat\":1,\"jti\":\"x\",\"requests\":{}}",
		 "expected a member \"aud\""},
		{"{\"iss\":\"client1\",\"aud\":\"ca\",\"iat\":1,\"jti\":\"x\",\"requests\":{}}",
		 "22 characters"},
		{"{\"iss\":\"a b\",\"aud\":\"ca\",\"iat\":1,\"jti\":\"x\",\"requests\":{}}",
		 "expected a name"},
		{"{\"iss\":\"client1\",\"aud\":\"ca\",\"iat\":1e999,\"jti\":\"x\"}", "JSON"},
		{"{\"iss\":\"client1\",\"aud\":\"ca\",\"iat\":1.5,\"jti\":\"x\",\"requests\":{}}",
		 "fraction"},
		{"{\"iss\":\"client1\",\"aud\":\"ca\",\"iat\":1e3,\"jti\":\"x\",\"requests\":{}}",
		 "fraction"},
		{"{\"iss\":\"client1\",\"aud\":\"ca\",\"iat\":01,\"jti\":\"x\"}", "JSON"},
		{"{\"iss\":\"client1\",\"aud\":\"ca\",\"iat\":-1,\"jti\":\"x\",\"requests\":{}}",
		 "seconds since 1970"},
		{"{\"iss\":\"client1\",\"aud\":\"ca\",\"iat\":9007199254740993,\"jti\":\"x\","
		 "\"requests\":{}}",
		 "seconds since 1970"},
		{"{\"iss\":\"client1\",\"aud\":\"ca\",\"iat\":\"1\",\"jti\":\"x\",\"requests\":{}}",
		 "expected an integer, found a string"},
		{"{\"iss\":\"client1\",\"aud\":\"ca\",\"iat\":99999999999999999999,\"jti\":\"x\"}",
		 "JSON"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct certificates_request request = {0};
		struct request_claims claims = {0};

		REFUSED(parse_certificates_request(text(rows[i].json), &request, &claims, &fault),
			FAULT_MALFORMED, rows[i].part, "row %zu: %s", i, rows[i].json);
		cr_expect_null(request.members);
	}
}

/* catalogue 29 */
Test(certificates, refuses_more_than_a_batch)
{
	struct certificates_request request = {0};
	struct request_claims claims = {0};
	struct buffer json = {0};

	append_string(&json, "{" CLAIMS ",\"requests\":{");
	for (int i = 0; i <= BATCH_SIZE_MAX; i++)
		append_format(&json, "%s\"key%d\":\"\"", i > 0 ? "," : "", i);
	append_string(&json, "}}");
	cr_assert_not(json.failed);
	REFUSED(parse_certificates_request(bytes_of_buffer(&json), &request, &claims, &fault),
		FAULT_TOO_LARGE, "at most 1000");
	cr_expect_str_eq(claims.jti, "AAAAAAAAAAAAAAAAAAAAAA",
			 "the refusal can name the request all the same");
	clear_buffer(&json);
}

/* catalogue 25 */
Test(certificates, refuses_json_that_nests_too_deep)
{
	struct certificates_request request = {0};
	struct request_claims claims = {0};
	struct buffer json = {0};

	for (int i = 0; i < 9000; i++)
		append_string(&json, "{\"a\":");
	REFUSED(parse_certificates_request(bytes_of_buffer(&json), &request, &claims, &fault),
		FAULT_MALFORMED, "depth");
	clear_buffer(&json);
}

/* catalogue 66 */
#define FOUR "\"a\",\"b\",\"c\",\"d\""

Test(certificates, refuses_answers_that_are_not_as_the_format_says)
{
	static const struct {
		const char *json;
		const char *part;
	} rows[] = {
		{"{" ANSWER_CLAIMS "}", "expected a member \"certificates\""},
		{"{" ANSWER_CLAIMS ",\"certificates\":{\"key1\":{}}}", "expected PEM text"},
		{"{" ANSWER_CLAIMS ",\"certificates\":{},\"errors\":{\"key1\":\"no\"}}",
		 "a member's name and an object"},
		{"{" ANSWER_CLAIMS ",\"certificates\":{},\"errors\":{\"key1\":{\"type\":\"x\"}}}",
		 "expected a member \"detail\""},
		{"{" ANSWER_CLAIMS ",\"certificates\":{},\"more\":1}", "unknown member"},
		{"{\"iss\":\"ca\",\"aud\":\"client1\",\"iat\":1,\"request_sha256\":\"AAAA\","
		 "\"certificates\":{}}",
		 "32 octets"},
		{"{" ANSWER_CLAIMS ",\"error\":{\"type\":\"\",\"detail\":\"\"}}",
		 "expected a word"},
		{"{" ANSWER_CLAIMS ",\"certificates\":{},\"chain\":\"x\"}",
		 "expected an array, found a string"},
		{"{" ANSWER_CLAIMS ",\"certificates\":{},\"chain\":[]}",
		 "chain: expected 1 to 16 certificates, found 0"},
		{"{" ANSWER_CLAIMS ",\"certificates\":{},\"chain\":[" FOUR "," FOUR "," FOUR
		 "," FOUR ",\"e\"]}",
		 "chain: expected 1 to 16 certificates, found 17"},
		{"{" ANSWER_CLAIMS ",\"certificates\":{},\"chain\":[\"a\",{}]}",
		 "chain: certificate 2: expected PEM text"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct certificates_answer answer = {0};

		REFUSED(parse_certificates_answer(text(rows[i].json), &answer, &fault),
			FAULT_MALFORMED, rows[i].part, "row %zu", i);
	}
}

Test(certificates, reads_the_request_that_it_writes)
{
	struct member_pem members[2] = {{.name = "key1"}, {.name = "key2"}};
	struct certificates_request request = {
		.members = members, .count = 2, .window = {1789603200, 1790211600}};
	struct certificates_request parsed = {0};
	struct request_claims claims = {0};
	struct secret json = {0};

	append_string(&members[0].pem, "-----BEGIN A-----\nx\n");
	append_string(&members[1].pem, "B");
	OK(make_request_claims("client1", "ca", 1790000000, &request.claims, &fault));
	OK(format_certificates_request(&request, &json, &fault));
	OK(parse_certificates_request(bytes_of_secret(&json), &parsed, &claims, &fault));
	cr_expect_str_eq(claims.jti, request.claims.jti);
	cr_expect_eq(claims.iat_s, 1790000000);
	cr_assert_eq(parsed.count, 2);
	cr_expect_str_eq(parsed.members[0].name, "key1");
	cr_expect_str_eq((char *)parsed.members[0].pem.data, "-----BEGIN A-----\nx\n");
	cr_expect_str_eq((char *)parsed.members[1].pem.data, "B");
	cr_expect_eq(parsed.window.begin_s, request.window.begin_s);
	cr_expect_eq(parsed.window.end_s, request.window.end_s);
	clear_certificates_request(&parsed);
	clear_secret(&json);
	clear_buffer(&members[0].pem);
	clear_buffer(&members[1].pem);
}

Test(certificates, reads_the_answer_that_it_writes)
{
	struct request_claims request = {.iss = "client1", .aud = "ca"};
	struct member_pem certificate = {.name = "key1"};
	struct member_refusal refused = {.name = "key2"};
	struct certificates_answer answer = {.certificates = &certificate,
					     .certificate_count = 1,
					     .refusals = &refused,
					     .refusal_count = 1};
	struct certificates_answer parsed = {0};
	uint8_t digest[SHA256_LEN] = {7};
	struct secret json = {0};

	append_string(&certificate.pem, "C");
	append_string(&answer.chain[0], "A");
	append_string(&answer.chain[1], "B");
	answer.chain_count = 2;
	set_refusal(&refused.refusal, "bad_proof", "no");
	answer.claims = make_answer_claims(&request, digest, "ca", "client1", 1790000000);
	OK(format_certificates_answer(&answer, &json, &fault));
	OK(parse_certificates_answer(bytes_of_secret(&json), &parsed, &fault));
	cr_expect_arr_eq(parsed.claims.request_sha256, digest, SHA256_LEN);
	cr_assert_eq(parsed.certificate_count, 1);
	cr_expect_str_eq(parsed.certificates[0].name, "key1");
	cr_assert_eq(parsed.refusal_count, 1);
	cr_expect_str_eq(parsed.refusals[0].refusal.type, "bad_proof");
	cr_assert_eq(parsed.chain_count, 2);
	cr_expect_str_eq((char *)parsed.chain[0].data, "A");
	cr_expect_str_eq((char *)parsed.chain[1].data, "B");
	clear_certificates_answer(&parsed);
	clear_secret(&json);

	clear_buffer(&answer.chain[0]);
	clear_buffer(&answer.chain[1]);
	answer.chain_count = 0;
	OK(format_certificates_answer(&answer, &json, &fault));
	cr_expect_null(strstr((char *)json.data, "chain"), "none is not said");
	clear_secret(&json);

	set_refusal(&answer.refusal, "stale", "old");
	OK(format_certificates_answer(&answer, &json, &fault));
	OK(parse_certificates_answer(bytes_of_secret(&json), &parsed, &fault));
	cr_expect_str_eq(parsed.refusal.type, "stale");
	cr_expect_eq(parsed.certificate_count, 0, "a refusal of the whole has no certificates");
	clear_certificates_answer(&parsed);
	clear_secret(&json);
	clear_buffer(&certificate.pem);
}
