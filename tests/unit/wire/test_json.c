#include "common/wire/json.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <string.h>

static json_t *parse(const char *text)
{
	json_t *object = NULL;

	OK(parse_json_object(bytes_of_string(text), "test", &object, &fault));
	return object;
}

Test(json, refuses_strings_that_do_not_fit)
{
	json_t *object = parse("{\"a\":\"12345\",\"b\":5}");
	char text[5] = "old";

	REFUSED_AS(copy_string(object, "a", text, sizeof(text), &fault), FAULT_MALFORMED,
		   "member \"a\": expected at most 4 octets, found 5");
	cr_expect_str_eq(text, "old", "an output is untouched on failure");
	REFUSED(copy_string(object, "b", text, sizeof(text), &fault), FAULT_MALFORMED, NULL);
	REFUSED_AS(copy_string(object, "c", text, sizeof(text), &fault), FAULT_MALFORMED,
		   "expected a string \"c\"");
	free_json(&object);
}

Test(json, writes_compact_text)
{
	json_t *object = parse("{ \"a\" : [ 1 , \"\\u00e9\" ] }");
	struct secret text = {0};

	OK(format_json(object, &text, &fault));
	cr_expect_str_eq((char *)text.data, "{\"a\":[1,\"\xc3\xa9\"]}");
	cr_expect_eq(text.len, strlen((char *)text.data));
	clear_secret(&text);
	free_json(&object);
}
