#include "common/wire/message_answer.h"

#include <criterion/criterion.h>
#include <string.h>

#define CLAIMS                                                                                     \
	"\"iss\":\"client2\",\"aud\":\"client1\",\"iat\":1790000000,"                              \
	"\"request_sha256\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""

Test(message_answer, refuses_what_is_no_verdict)
{
	static const struct {
		const char *json;
		const char *part;
	} rows[] = {
		{"{" CLAIMS "}", "expected a member \"verdict\""},
		{"{" CLAIMS ",\"verdict\":\"Verified\"}", "verified or refused"},
		{"{" CLAIMS ",\"verdict\":\"refused\"}", "reason"},
		{"{" CLAIMS ",\"verdict\":1}", "found an integer"},
		{"{" CLAIMS ",\"verdict\":\"verified\",\"error\":{}}", "unknown member"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct message_answer answer = {0};
		struct fault fault = {0};

		cr_assert_eq(parse_message_answer(bytes_of_string(rows[i].json), &answer, &fault),
			     -1, "row %zu", i);
		cr_expect(strstr(fault.text, rows[i].part) != NULL, "row %zu: %s", i, fault.text);
	}
}

Test(message_answer, reads_both_verdicts_that_it_writes)
{
	const struct request_claims request = {.iss = "client1", .aud = "client2"};
	const uint8_t digest[SHA256_LEN] = {1};

	for (int verified = 0; verified < 2; verified++) {
		struct message_answer answer = {.verified = verified, .reason = "a replay"};
		struct message_answer parsed = {0};
		struct secret json = {0};
		struct fault fault = {0};

		answer.claims = make_answer_claims(&request, digest, "client2", "client1", 1);
		cr_assert_eq(format_message_answer(&answer, &json, &fault), 0, "%s", fault.text);
		cr_assert_eq(parse_message_answer(bytes_of_secret(&json), &parsed, &fault), 0, "%s",
			     fault.text);
		cr_expect_eq(parsed.verified, verified);
		cr_expect_str_eq(parsed.reason, verified ? "" : "a replay");
		clear_secret(&json);
	}
}
