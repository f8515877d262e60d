#include "common/wire/roots.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <string.h>

#define CLAIMS                                                                                     \
	"\"iss\":\"client1\",\"aud\":\"ca\",\"iat\":1790000000,\"jti\":\"AAAAAAAAAAAAAAAAAAAAAA\""
#define ANSWER_CLAIMS                                                                              \
	"\"iss\":\"ca\",\"aud\":\"client1\",\"iat\":1790000000,"                                   \
	"\"request_sha256\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""
#define DIGEST "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\""

/* catalogue 31, 64 */
Test(roots, refuses_requests_that_are_not_as_the_format_says)
{
	static const struct {
		const char *json;
		const char *part;
	} rows[] = {
		{"", "JSON"},
		{"{" CLAIMS "}", "expected a member \"roots\""},
		{"{" CLAIMS ",\"roots\":{}}", "member \"roots\""},
		{"{" CLAIMS ",\"roots\":[]}", "expected 1 to 2 digests, found 0"},
		{"{" CLAIMS ",\"roots\":[" DIGEST "," DIGEST "," DIGEST "]}", "found 3"},
		{"{" CLAIMS ",\"roots\":[\"00\"]}", "expected 64 lower-case hex digits"},
		{"{" CLAIMS ",\"roots\":[7]}", "expected 64 lower-case hex digits"},
		{"{" CLAIMS ",\"roots\":[" DIGEST "],\"root\":1}", "unknown member"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct roots_request request = {0};
		struct request_claims claims = {0};

		REFUSED(parse_roots_request(bytes_of_string(rows[i].json), &request, &claims,
					    &fault),
			FAULT_MALFORMED, rows[i].part, "row %zu", i);
		cr_expect_eq(request.count, 0);
	}
}

Test(roots, refuses_answers_that_are_not_as_the_format_says)
{
	static const struct {
		const char *json;
		const char *part;
	} rows[] = {
		{"{" ANSWER_CLAIMS "}", "roots: expected 1 to 2 certificates, found 0"},
		{"{" ANSWER_CLAIMS ",\"roots\":[],\"cross\":[]}", "roots: expected 1 to 2"},
		{"{" ANSWER_CLAIMS ",\"roots\":[\"a\",\"b\",\"c\"],\"cross\":[]}", "found 3"},
		{"{" ANSWER_CLAIMS ",\"roots\":[\"a\"]}", "cross: expected 0 to 2"},
		{"{" ANSWER_CLAIMS ",\"roots\":[\"a\"],\"cross\":[\"a\",\"b\",\"c\"]}", "found 3"},
		{"{" ANSWER_CLAIMS ",\"roots\":[1],\"cross\":[]}", "roots: expected PEM text"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct roots_answer answer = {0};

		REFUSED(parse_roots_answer(bytes_of_string(rows[i].json), &answer, &fault),
			FAULT_MALFORMED, rows[i].part, "row %zu", i);
		cr_expect_eq(answer.root_count, 0);
	}
}

Test(roots, reads_what_it_writes)
{
	struct roots_request request = {.claims = {"client1", "ca", 1790000000, ""}, .count = 2};
	struct roots_answer answer = {.claims = {.iss = "ca", .aud = "client1"}};
	struct roots_request read_request = {0};
	struct roots_answer read_answer = {0};
	struct request_claims claims = {0};
	CLEANUP(clear_secret) struct secret json = {0};
	CLEANUP(clear_secret) struct secret answer_json = {0};

	OK(make_request_claims("client1", "ca", 1790000000, &request.claims, &fault));
	request.sha256[1][31] = 9;
	OK(format_roots_request(&request, &json, &fault));
	OK(parse_roots_request(bytes_of_secret(&json), &read_request, &claims, &fault));
	cr_expect_eq(read_request.count, 2);
	cr_expect_eq(memcmp(read_request.sha256, request.sha256, sizeof(request.sha256)), 0);

	append_string(&answer.roots[answer.root_count++], "one");
	append_string(&answer.roots[answer.root_count++], "two");
	append_string(&answer.cross[answer.cross_count++], "three");
	OK(format_roots_answer(&answer, &answer_json, &fault));
	OK(parse_roots_answer(bytes_of_secret(&answer_json), &read_answer, &fault));
	cr_expect_eq(read_answer.root_count, 2);
	cr_expect(equal_bytes(bytes_of_buffer(&read_answer.roots[1]), bytes_of_string("two")));
	cr_expect_eq(read_answer.cross_count, 1);
	clear_roots_answer(&answer);
	clear_roots_answer(&read_answer);
}
