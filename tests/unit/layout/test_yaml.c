#include "common/layout/yaml.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <string.h>

static int parse(const char *text, struct yaml_node **ret_root, struct fault *fault)
{
	return parse_yaml(bytes_of_string(text), "f", ret_root, fault);
}

Test(yaml, refuses_what_a_manifest_does_not_need)
{
	static const struct {
		const char *text;
		const char *expected;
	} rows[] = {
		{"a: &x 1\n", "f:1:4: expected a value, found a YAML anchor or alias"},
		{"a: &x [1]\n", "f:1:4: expected a value, found a YAML anchor"},
		{"a: &x {b: 1}\n", "f:1:4: expected a value, found a YAML anchor"},
		{"&x a: 1\n", "f:1:1: expected a value, found a YAML anchor"},
		{"a: *x\n", "f:1:4: expected a value, found a YAML anchor or alias"},
		{"a: !!str 1\n", "f:1:4: expected a value, found a YAML tag"},
		{"a: ! 1\n", "f:1:4: expected a value, found a YAML tag"},
		{"a: !x [1]\n", "f:1:4: expected a value, found a YAML tag"},
		{"a: !!map {}\n", "f:1:4: expected a value, found a YAML tag"},
		{"? [a]\n: b\n", "f:1:3: expected a key, found a list or a mapping"},
		{"{a: 1}: b\n", "f:1:1: expected a key, found a list or a mapping"},
		{"a: 1\n---\nb: 2\n", "f:2:1: expected one document, found another"},
		{"a: 1\nb: {c: 1, d: 2, c: 3}\n", "f:2:17: b.c: expected each key once"},
		{"a: 1\na: 1\n",
		 "f:2:1: a: expected each key once, found it again (the first is in "
		 "line 1)"},
		{"%YAML 9.9\n---\na: 1\n", "f:1:1: expected YAML, found a fault in it"},
		{"a: b: c\n", "f:1:5: expected YAML"},
		{"a: [1\n", "f:2:1: expected YAML"},
		{"a: \"\\q\"\n", "f:1:5: expected YAML"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct yaml_node *root = NULL;

		REFUSED(parse(rows[i].text, &root, &fault), FAULT_USAGE, NULL, "accepted: %s",
			rows[i].text);
		cr_expect_null(root);
		cr_expect_eq(
			strncmp(last_refusal()->text, rows[i].expected, strlen(rows[i].expected)),
			0, "expected %s, found %s", rows[i].expected, last_refusal()->text);
	}
}

/* catalogue 28: NUL, lone surrogates, invalid UTF-8, overlong, byte order mark */
Test(yaml, refuses_text_that_is_no_clean_utf8)
{
	static const struct {
		struct bytes text;
		const char *expected;
	} rows[] = {
#define ROW(literal, expected) {{(const uint8_t *)(literal), sizeof(literal) - 1}, expected}
		ROW("a: \xff\n",
		    "f:1:4: expected YAML, found a fault in it: invalid leading UTF-8"),
		ROW("b: 1\na: \xc0\xaf\n", "f:2:4: expected YAML"),
		ROW("a: \xed\xa0\x80\n", "f:1:4: expected YAML"),
		ROW("a: \xf4\x90\x80\x80\n", "f:1:4: expected YAML"),
		ROW("a: \xe2\x82\n", "f:1:6: expected YAML"),
		ROW("a: x\0y\n", "f:1:"),
		ROW("a: x\001y\n", "f:1:5: expected YAML"),
		ROW("a: \x7f\n", "f:1:4: expected YAML"),
		ROW("a: \"\\0\"\n", "f:1:4: expected text without control characters"),
		ROW("a: \"x\\ty\"\n", "f:1:4: expected text without control characters"),
		ROW("a: \"\\u0085\"\n", "f:1:4: expected text without control characters"),
		ROW("a: \"\\ud800\"\n", "f:1:7: expected YAML"),
		ROW("a: |\n  x\n  y\n", "f:1:4: expected text without control characters"),
		ROW("\"a\\0b\": 1\n", "f:1:1: expected text without control characters"),
		ROW("\xef\xbb\xbf"
		    "a: 1\n",
		    "f:1:1: expected UTF-8 without a byte order mark"),
		ROW("\xff\xfe"
		    "a\0",
		    "f:1:1: expected YAML"),
#undef ROW
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct yaml_node *root = NULL;

		REFUSED(parse_yaml(rows[i].text, "f", &root, &fault), FAULT_USAGE, NULL, "row %zu",
			i);
		cr_expect_eq(
			strncmp(last_refusal()->text, rows[i].expected, strlen(rows[i].expected)),
			0, "expected %s, found %s", rows[i].expected, last_refusal()->text);
		free_yaml(&root);
	}
}

/* catalogue 25 */
Test(yaml, refuses_deep_nesting_of_any_size)
{
	static const char *const openings[] = {"[", "{a: ", "- ", "? "};

	for (size_t i = 0; i < COUNT_OF(openings); i++) {
		CLEANUP(clear_buffer) struct buffer text = {0};
		struct yaml_node *root = NULL;

		for (size_t j = 0; j < 100000; j++)
			append_string(&text, openings[i]);
		REFUSED(parse_yaml(bytes_of_buffer(&text), "f", &root, &fault), FAULT_USAGE, NULL);
		cr_expect_null(root);
	}
}

Test(yaml, takes_as_many_levels_as_it_says)
{
	struct yaml_node *root = NULL;

	OK(parse("[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]\n", &root, &fault));
	free_yaml(&root);
	REFUSED(parse("[[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]]\n", &root, &fault), FAULT_USAGE,
		"f:1:17: ");
	SAID("expected at most 16 levels");
}

Test(yaml, finds_a_duplicate_among_many_keys)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	struct yaml_node *root = NULL;

	for (size_t i = 0; i < 50000; i++)
		append_format(&text, "k%zu: 1\n", i);
	append_string(&text, "k123: 1\n");
	REFUSED_AS(parse_yaml(bytes_of_buffer(&text), "f", &root, &fault), FAULT_USAGE,
		   "f:50001:1: k123: expected each key once, found it again (the "
		   "first is in line 124)");
}

Test(yaml, knows_where_values_stand)
{
	struct yaml_node *root = NULL;
	const struct yaml_node *list;
	struct fault fault = {0};

	cr_assert_eq(
		parse("# first\na: 1\nbb:\n  - 'x'\n  - {c: \"\xc3\xa9\", d: e}\n", &root, &fault),
		0, "%s", fault.text);
	cr_expect_eq(root->kind, YAML_MAPPING);
	cr_expect_null(root->parent);
	cr_expect_str_eq(find_entry(root, "a")->text, "1");
	cr_expect(!find_entry(root, "a")->quoted);
	cr_expect_null(find_entry(root, "c"));
	list = find_entry(root, "bb");
	cr_assert_eq(list->kind, YAML_LIST);
	cr_assert_eq(list->count, 2);
	cr_expect_eq(list->key_line, 3);
	cr_expect_eq(list->key_column, 1);
	cr_expect(list->children[0]->quoted);
	cr_expect_eq(list->children[0]->line, 4);
	cr_expect_eq(list->children[0]->column, 5);
	cr_expect_str_eq(find_entry(list->children[1], "c")->text, "\xc3\xa9");
	/* A column counts characters, not octets. */
	cr_expect_eq(find_entry(list->children[1], "d")->key_column, 14);
	(void)set_value_fault(find_entry(list->children[1], "d"), &fault, "expected %d", 1);
	cr_expect_str_eq(fault.text, "f:5:17: bb[2].d: expected 1");
	free_yaml(&root);
}

Test(yaml, describes_what_it_found)
{
	static const struct {
		const char *text;
		const char *expected;
	} rows[] = {
		{"[]", "a list"},        {"{}", "a mapping"},
		{"''", "the text \"\""}, {"'a b'", "the text \"a b\""},
		{"a b", "a b"},          {"[a: ]", "a list"},
		{"--- ", "nothing"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct yaml_node *root = NULL;
		char found[FOUND_SIZE];

		OK(parse(rows[i].text, &root, &fault));
		describe_value(root, found);
		cr_expect_str_eq(found, rows[i].expected);
		free_yaml(&root);
	}
}
