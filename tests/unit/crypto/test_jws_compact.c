#include "common/crypto/jws_compact.h"

#include "common/crypto/base64.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <string.h>

/* catalogue 11 */
Test(jws_compact, refuses_another_number_of_parts)
{
	static const char *const rows[] = {"",          "a",    "a.b",   "a.b.c.d",
					   "a.b.c.d.e", "....", "a.b.c."};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bytes parts[COMPACT_PARTS_MAX];

		REFUSED(split_compact(bytes_of_string(rows[i]), 3, parts, &fault), FAULT_MALFORMED,
			"expected 3 parts", "%s", rows[i]);
	}
}

Test(jws_compact, cuts_at_dots)
{
	struct bytes parts[COMPACT_PARTS_MAX];

	OK(split_compact(bytes_of_string("ab..c"), 3, parts, &fault));
	cr_expect(equal_bytes(parts[0], bytes_of_string("ab")));
	cr_expect_eq(parts[1].len, 0);
	cr_expect(equal_bytes(parts[2], bytes_of_string("c")));
}

/* catalogue 5, 6, 7, 8, 18, 28, 31 */
Test(jws_compact, refuses_headers_with_more_than_is_allowed)
{
	static const char *const allowed[] = {"alg", NULL};
	static const struct {
		const char *json;
		const char *part;
	} rows[] = {
		{"{\"alg\":\"x\",\"crit\":[\"exp\"]}", "\"crit\" is not allowed"},
		{"{\"alg\":\"x\",\"crit\":[]}", "\"crit\" is not allowed"},
		{"{\"alg\":\"x\",\"zip\":\"DEF\"}", "\"zip\" is not allowed"},
		{"{\"alg\":\"x\",\"p2c\":2147483648}", "\"p2c\" is not allowed"},
		{"{\"alg\":\"x\",\"jku\":\"http://127.0.0.1/\"}", "\"jku\" is not allowed"},
		{"{\"alg\":\"x\",\"x5u\":\"http://127.0.0.1/\"}", "\"x5u\" is not allowed"},
		{"{\"alg\":\"x\",\"jwk\":{}}", "\"jwk\" is not allowed"},
		{"{\"alg\":\"x\",\"x5t\":\"\"}", "\"x5t\" is not allowed"},
		{"{\"alg\":\"x\",\"b64\":false}", "\"b64\" is not allowed"},
		{"{\"alg\":\"x\",\"alg\":\"y\"}", "no valid JSON"},
		{"{\"alg\":{\"a\":1,\"a\":2}}", "no valid JSON"},
		{"{\"alg\":\"\\u0000\"}", "no valid JSON"},
		{"{\"alg\":\"\\ud800\"}", "no valid JSON"},
		{"{\"alg\":\"\\udc00\\ud800\"}", "no valid JSON"},
		{"{\"alg\":\"\xff\"}", "no valid JSON"},
		{"{\"alg\":\"\xc0\xaf\"}", "no valid JSON"},
		{"{\"alg\":\"\xed\xa0\x80\"}", "no valid JSON"},
		{"{\"alg\":\"\xf4\x90\x80\x80\"}", "no valid JSON"},
		{"\xef\xbb\xbf{\"alg\":\"x\"}", "no valid JSON"},
		{"{\"alg\":\"x\"}{}", "no valid JSON"},
		{"{} ", ""},
		{"{}x", "no valid JSON"},
		{"[]", "expected a JSON object"},
		{"", "no valid JSON"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buffer part = {0};
		struct fault fault = {0};
		json_t *header = NULL;
		int expected = rows[i].part[0] == '\0' ? 0 : -1;

		append_string(&part, "");
		append_base64url(&part, bytes_of_string(rows[i].json));
		cr_expect_eq(parse_header(bytes_of_buffer(&part), allowed, &header, &fault),
			     expected, "%s", rows[i].json);
		cr_expect(strstr(fault.text, rows[i].part) != NULL, "%s: %s", rows[i].json,
			  fault.text);
		clear_buffer(&part);
		free_json(&header);
	}
}

/* catalogue 25 */
Test(jws_compact, refuses_deep_nesting)
{
	static const char *const allowed[] = {"alg", NULL};
	enum { DEPTH = 5000 };
	struct buffer text = {0};
	struct buffer part = {0};
	json_t *header = NULL;

	append_string(&text, "{\"alg\":");
	memset(extend_buffer(&text, DEPTH), '[', DEPTH);
	memset(extend_buffer(&text, DEPTH), ']', DEPTH);
	append_string(&text, "}");
	append_base64url(&part, bytes_of_buffer(&text));
	cr_assert_lt(part.len, HEADER_MAX);
	REFUSED(parse_header(bytes_of_buffer(&part), allowed, &header, &fault), FAULT_MALFORMED,
		"no valid JSON");
	clear_buffer(&text);
	clear_buffer(&part);
}

Test(jws_compact, refuses_a_header_that_is_too_long)
{
	static const char *const allowed[] = {"alg", NULL};
	struct buffer part = {0};
	json_t *header = NULL;

	memset(extend_buffer(&part, HEADER_MAX + 1), 'A', HEADER_MAX + 1);
	REFUSED(parse_header(bytes_of_buffer(&part), allowed, &header, &fault), FAULT_MALFORMED,
		"at most");
	clear_buffer(&part);
}
