#include "common/crypto/json.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>

/* catalogue 18, 25, 27, 28, 31, 99 */
Test(json, refuses_text_that_is_not_exactly_one_object_and_quotes_nothing)
{
	static const struct {
		const char *text;
		const char *part;
	} rows[] = {
		{"", ": no valid JSON: it ends too early"},
		{"{\"k\":\"QUOTED", ": no valid JSON: it ends too early"},
		{"{\"k\":QUOTED}", ": no valid JSON"},
		{"QUOTED", ": no valid JSON"},
		{"{\"QUOTED\":1,\"QUOTED\":2}", ": no valid JSON: duplicate member"},
		{"{\"b\":{\"QUOTED\":1,\"QUOTED\":2}}", ": no valid JSON: duplicate member"},
		{"{} QUOTED", ": no valid JSON: something follows it"},
		{"{\"k\":\"QUOTED\xff\"}", ": no valid JSON: expected UTF-8"},
		{"{\"k\":\"QUOTED\\u0000\"}", ": no valid JSON: a NUL in a string"},
		{"{\"k\":1e999}", ": no valid JSON: a number too large"},
		{"{\"k\":\"QUOTED\",}", ": no valid JSON"},
		{"{'QUOTED':1}", ": no valid JSON"},
		{"{\"k\":NaN}", ": no valid JSON"},
		{"// c\n{}", ": no valid JSON"},
		{"1", ": no valid JSON"},
		{"[{}]", ": expected a JSON object"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		json_t *object = NULL;

		REFUSED(parse_json_object(bytes_of_string(rows[i].text), "test", &object, &fault),
			FAULT_MALFORMED, rows[i].part, "%s", rows[i].text);
		NOT_SAID("QUOTED");
		cr_expect_null(object);
	}
}

Test(json, finds_strings)
{
	json_t *object = NULL;

	OK(parse_json_object(bytes_of_string("{\"a\":\"x\",\"b\":1}"), "test", &object, &fault));
	cr_expect_str_eq(get_string(object, "a"), "x");
	cr_expect_null(get_string(object, "b"));
	cr_expect_null(get_string(object, "c"));
	free_json(&object);
}

/* `{"a":HEAD`, the unit so many times, and the tail. */
static struct buffer repeat(const char *head, const char *unit, size_t count, const char *tail)
{
	struct buffer text = {0};

	append_format(&text, "{\"a\":%s", head);
	for (size_t i = 0; i < count; i++)
		append_string(&text, unit);
	append_string(&text, tail);
	cr_assert_not(text.failed);
	return text;
}

/* catalogue 110: the limit, one more, and thousands of times as much. */
Test(json, refuses_a_text_with_more_structure_than_any_message_before_it_is_parsed)
{
	static const struct {
		const char *head;
		const char *unit;
		size_t count;
		const char *tail;
		const char *part; /* NULL: it is parsed */
	} rows[] = {
		{"[", "1,", JSON_VALUES_MAX - 2, "1]}", NULL},
		{"[", "1,", JSON_VALUES_MAX - 1, "1]}", "more values than any message has"},
		{"[", "[],", JSON_VALUES_MAX / 2, "[]]}", "more values"},
		{"[", "{},", 1000000, "{}]}", "more values"},
		{"", "[", 1000000, "", "more values"},
		{"[", ",", 1000000, "]}", "more values"},
		{"[", "1\n,\t", 1000000, "1]}", "more values"},
		{"\"", "x", JSON_STRING_MAX, "\"}", NULL},
		{"\"", "x", JSON_STRING_MAX + 1, "\"}", "a string longer than any message has"},
		{"\"", "\\u0041", 1000000, "\"}", "a string longer"},
		{"\"", "\\\"", 1000000, "\"}", "a string longer"},
		{"\"", "\\\\", 1000000, "\"}", "a string longer"},
		{"\"", "x", 1000000, "", "a string longer"},
		/* Inside a string nothing is structure; a quote may be escaped, and so may that. */
		{"\"", "[{,", JSON_VALUES_MAX, "\"}", NULL},
		{"\"", "\\\",[", JSON_VALUES_MAX + 1, "\"}", NULL},
		{"[\"", "\\\\\",\"", JSON_VALUES_MAX - 2, "\"]}", NULL},
		{"[\"", "\\\\\",\"", JSON_VALUES_MAX, "\"]}", "more values"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer)
		struct buffer text =
			repeat(rows[i].head, rows[i].unit, rows[i].count, rows[i].tail);
		CLEANUP(free_json) json_t *object = NULL;

		if (rows[i].part == NULL)
			OK(parse_json_object(bytes_of_buffer(&text), "test", &object, &fault),
			   "row %zu", i);
		else
			REFUSED(parse_json_object(bytes_of_buffer(&text), "test", &object, &fault),
				FAULT_MALFORMED, rows[i].part, "row %zu", i);
	}
}
