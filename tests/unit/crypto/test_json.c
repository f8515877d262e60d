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
