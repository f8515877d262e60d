#include "common/wire/statuses.h"

#include "common/x509/revocation/crl_reason.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <string.h>

#define CLAIMS                                                                                     \
	"\"iss\":\"client1\",\"aud\":\"ca\",\"iat\":1790000000,\"jti\":\"AAAAAAAAAAAAAAAAAAAAAA\""
#define ANSWER_CLAIMS                                                                              \
	"\"iss\":\"ca\",\"aud\":\"client1\",\"iat\":1790000000,"                                   \
	"\"request_sha256\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""
#define SERIAL "2b4f000102030405060708090a0b0c0d0e0f1011"
#define REVOKED "{\"serial\":\"" SERIAL "\",\"revoked_at\":1790000000,\"reason\":\"superseded\"}"

/* catalogue 31, 64 */
Test(statuses, refuses_requests_that_are_not_as_the_format_says)
{
	static const struct {
		const char *json;
		const char *part;
	} rows[] = {
		{"", "JSON"},
		{"{" CLAIMS "}", "expected a member \"serials\""},
		{"{" CLAIMS ",\"serials\":[]}", "at least one"},
		{"{" CLAIMS ",\"serials\":[\"2b\"]}", "found 2"},
		{"{" CLAIMS ",\"serials\":[1]}", "serials as text"},
		{"{" CLAIMS ",\"serials\":[\"" SERIAL "\",\"" SERIAL "\"]}", "twice"},
		{"{" CLAIMS ",\"serials\":[\"" SERIAL "\"],\"client\":\"client2\"}",
		 "unknown member"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct statuses_request request = {0};
		struct request_claims claims = {0};

		REFUSED(parse_statuses_request(bytes_of_string(rows[i].json), &request, &claims,
					       &fault),
			FAULT_MALFORMED, rows[i].part, "row %zu", i);
		cr_expect_null(request.serials);
	}
}

static void append_serials(struct buffer *json, unsigned int count)
{
	append_string(json, "{" CLAIMS ",\"serials\":[");
	for (unsigned int i = 0; i < count; i++)
		append_format(json, "%s\"%040x\"", i > 0 ? "," : "", i);
	append_string(json, "]}");
}

Test(statuses, say_where_the_ca_is)
{
	static const char json[] =
		"{" ANSWER_CLAIMS ",\"in_reply_to\":\"\",\"revoked\":[],\"unknown\":[]%s}";
	struct statuses_answer answer = {0};
	CLEANUP(clear_buffer) struct buffer text = {0};

	append_format(&text, json, ",\"endpoint\":\"http://127.0.0.1:8440\"");
	OK(parse_statuses_answer(bytes_of_buffer(&text), &answer, &fault));
	cr_expect_str_eq(answer.endpoint.host, "127.0.0.1");
	cr_expect_eq(answer.endpoint.port, 8440);
	clear_statuses_answer(&answer);
	text.len = 0;
	append_format(&text, json, "");
	OK(parse_statuses_answer(bytes_of_buffer(&text), &answer, &fault));
	cr_expect_str_empty(answer.endpoint.host);
	clear_statuses_answer(&answer);
	text.len = 0;
	append_format(&text, json, ",\"endpoint\":\"elsewhere\"");
	REFUSED(parse_statuses_answer(bytes_of_buffer(&text), &answer, &fault), FAULT_MALFORMED,
		"member \"endpoint\": \"elsewhere\" is no endpoint");
}

/* catalogue 33 */
Test(statuses, takes_a_thousand_serials_and_no_more)
{
	struct buffer most = {0};
	struct buffer more = {0};
	struct statuses_request request = {0};
	struct request_claims claims = {0};

	append_serials(&most, STATUSES_MAX);
	append_serials(&more, STATUSES_MAX + 1);
	cr_assert_lt(more.len, STATUSES_REQUEST_MAX);
	OK(parse_statuses_request(bytes_of_buffer(&most), &request, &claims, &fault));
	cr_expect_eq(request.serial_count, STATUSES_MAX);
	clear_statuses_request(&request);
	REFUSED(parse_statuses_request(bytes_of_buffer(&more), &request, &claims, &fault),
		FAULT_TOO_LARGE, "1001");
	clear_buffer(&most);
	clear_buffer(&more);
}

Test(statuses, refuses_answers_that_are_not_as_the_format_says)
{
	static const struct {
		const char *json;
		const char *part;
	} rows[] = {
		{"{" ANSWER_CLAIMS "}", "expected the members \"revoked\" and \"unknown\""},
		{"{" ANSWER_CLAIMS ",\"revoked\":[]}", "\"unknown\""},
		{"{" ANSWER_CLAIMS ",\"revoked\":[1],\"unknown\":[]}", "expected objects"},
		{"{" ANSWER_CLAIMS ",\"revoked\":[{\"serial\":\"" SERIAL "\"}],\"unknown\":[]}",
		 "expected a member \"revoked_at\""},
		{"{" ANSWER_CLAIMS ",\"revoked\":[{\"serial\":\"" SERIAL
		 "\",\"revoked_at\":1,\"reason\":\"because\"}],\"unknown\":[]}",
		 "because"},
		{"{" ANSWER_CLAIMS ",\"revoked\":[],\"unknown\":[\"2b\"]}", "found 2"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct statuses_answer answer = {0};

		REFUSED(parse_statuses_answer(bytes_of_string(rows[i].json), &answer, &fault),
			FAULT_MALFORMED, rows[i].part, "row %zu", i);
		cr_expect_null(answer.revoked);
	}
}

Test(statuses, reads_the_answer_that_it_writes)
{
	struct statuses_answer answer = {0};
	struct statuses_answer again = {0};
	CLEANUP(clear_secret) struct secret json = {0};

	OK(parse_statuses_answer(bytes_of_string("{" ANSWER_CLAIMS ",\"revoked\":[" REVOKED
						 "],\"unknown\":[\"" SERIAL "\"]}"),
				 &answer, &fault));
	OK(format_statuses_answer(&answer, &json, &fault));
	OK(parse_statuses_answer(bytes_of_secret(&json), &again, &fault));
	cr_assert_eq(again.revoked_count, 1);
	cr_expect_eq(again.revoked[0].revoked_at_s, 1790000000);
	cr_expect_eq(again.revoked[0].reason, REASON_SUPERSEDED);
	cr_expect_eq(again.unknown_count, 1);
	cr_expect_arr_eq(again.unknown[0], answer.revoked[0].serial, SERIAL_MAX);
	clear_statuses_answer(&answer);
	clear_statuses_answer(&again);
}
