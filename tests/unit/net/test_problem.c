#include "common/net/problem.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(problem, does_not_parse_what_is_no_problem)
{
	static const char *const rows[] = {
		"",
		"{",
		"[]",
		"null",
		"{}",
		"{\"detail\":1}",
		"{\"detail\":\"a\",\"detail\":\"b\"}",
		"{\"detail\":\"a\"}}",
		"{\"detail\":\"\\u0000\"}",
		"{\"detail\":\"\xff\"}",
		"{\"detail\":\"\\ud800\"}",
		"<html>detail</html>",
	};
	char detail[FAULT_TEXT_SIZE] = "untouched";

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		cr_expect_not(parse_problem(bytes_of_string(rows[i]), detail), "row %zu", i);
	cr_expect_not(parse_problem((struct bytes){0}, detail));
	cr_expect_str_eq(detail, "untouched");
}

/* catalogue 25 */
Test(problem, does_not_follow_deep_nesting)
{
	enum { DEPTH = 100000 };
	CLEANUP(clear_buffer) struct buffer deep = {0};
	char detail[FAULT_TEXT_SIZE];

	for (size_t i = 0; i < DEPTH; i++)
		append_string(&deep, "[");
	cr_expect_not(parse_problem(bytes_of_buffer(&deep), detail));
	cr_expect_not(parse_problem((struct bytes){deep.data, 10000}, detail));
}

Test(problem, formats_what_the_rfc_says)
{
	CLEANUP(clear_buffer) struct buffer body = {0};

	OK(format_problem(413, "too long", &body, &fault));
	cr_expect_str_eq((const char *)body.data,
			 "{\"type\":\"about:blank\",\"title\":\"Content Too Large\",\"status\":413,"
			 "\"detail\":\"too long\"}\n");
}

Test(problem, escapes_any_octets)
{
	static const struct {
		const char *detail;
		const char *found;
	} rows[] = {
		{"plain", "plain"},
		{"", ""},
		{"\"quoted\" \\ back", "\"quoted\" \\ back"},
		{"a\nb\tc\x7f", "a?b?c?"},
		{"\x01\x1f", "??"},
		{"h\xc3\xa4lt", "h\xc3\xa4lt"},
		{"cut \xc3", "cut ?"},
		{"h\xc3\xa4lt \xff", "h??lt ?"},
		{"\xc0\xaf", "??"},
		{"\xed\xa0\x80", "???"},
		{"</script>{}", "</script>{}"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer body = {0};
		char detail[FAULT_TEXT_SIZE] = "";

		OK(format_problem(400, rows[i].detail, &body, &fault));
		cr_expect_null(memchr(body.data, '\n', body.len - 1), "row %zu", i);
		cr_expect(parse_problem(bytes_of_buffer(&body), detail), "row %zu", i);
		cr_expect_str_eq(detail, rows[i].found, "row %zu", i);
	}
}

Test(problem, takes_the_title_when_there_is_no_detail)
{
	char detail[FAULT_TEXT_SIZE];

	cr_assert(parse_problem(bytes_of_string("{\"title\":\"Gone\\r\\nX: y\"}"), detail));
	cr_expect_str_eq(detail, "Gone??X: y");
}
