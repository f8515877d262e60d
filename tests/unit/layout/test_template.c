#include "common/layout/template.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define RANDOM_TEXT "000102030405060708090a0b0c0d0e0f"

static const uint8_t random_octets[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

Test(template, refuses_other_braces)
{
	static const struct {
		const char *template;
		const char *found;
	} rows[] = {
		{"{", "found \"{\""},
		{"}", "found \"}\""},
		{"{}", "found \"{}\""},
		{"CN={name}", "found \"{name}\""},
		{"CN={Index}", "found \"{Index}\""},
		{"CN={index", "found \"{index\""},
		{"CN=index}", "found \"}\""},
		{"CN={{index}}", "found \"{{index}\""},
		{"CN={index}}", "found \"}\""},
		{"CN={ index }", "found \"{ index }\""},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char *text = NULL;

		REFUSED(check_template(rows[i].template, &fault), FAULT_USAGE, rows[i].found, "%s",
			rows[i].template);
		cr_expect_eq(expand_template(rows[i].template, "c", 1, random_octets, &text, NULL),
			     -1);
		cr_expect_null(text);
		cr_expect(!match_template(rows[i].template, "c", rows[i].template));
	}
}

static const struct {
	const char *template;
	const char *text; /* for member 17 of client c-1 */
} expansions[] = {
	{"", ""},
	{"CN=fixed", "CN=fixed"},
	{"CN={client}-{index}", "CN=c-1-17"},
	{"{index}{index}", "1717"},
	{"CN={random},OU={client}", "CN=" RANDOM_TEXT ",OU=c-1"},
	{"{random}.{random}", RANDOM_TEXT "." RANDOM_TEXT},
	{"URI:urn:{random}:{index}", "URI:urn:" RANDOM_TEXT ":17"},
	{"%s%n{index}", "%s%n17"},
	{"CN={index}17", "CN=1717"},
};

Test(template, expands_what_it_matches)
{
	for (size_t i = 0; i < COUNT_OF(expansions); i++) {
		char *text = NULL;

		OK(expand_template(expansions[i].template, "c-1", 17, random_octets, &text,
				   &fault));
		cr_expect_str_eq(text, expansions[i].text);
		cr_expect(match_template(expansions[i].template, "c-1", text), "%s", text);
		free(text);
	}
}

Test(template, matches_nothing_else)
{
	static const struct {
		const char *template;
		const char *text;
	} rows[] = {
		{"CN={client}-{index}", "CN=c-1-"},
		{"CN={client}-{index}", "CN=c-1-0"},
		{"CN={client}-{index}", "CN=c-1-07"},
		{"CN={client}-{index}", "CN=c-1-1234567890"},
		{"CN={client}-{index}", "CN=c-1-7x"},
		{"CN={client}-{index}", "CN=c-1--7"},
		{"CN={client}-{index}", "CN=c-2-7"},
		{"CN={client}-{index}", "cn=c-1-7"},
		{"CN={client}-{index}", "CN=c-1-7,CN=admin"},
		{"CN={client}-{index}", "OU=x,CN=c-1-7"},
		{"CN={client}-{index}", ""},
		{"CN={index}{index}", "CN=12"},
		{"CN={index}.{index}", "CN=1.2"},
		{"CN={random}", "CN=000102030405060708090A0B0C0D0E0F"},
		{"CN={random}", "CN=000102030405060708090a0b0c0d0e0"},
		{"CN={random}", "CN=000102030405060708090a0b0c0d0e0f0"},
		{"CN={random}", "CN=000102030405060708090a0b0c0d0e0g"},
		{"{random}{random}", RANDOM_TEXT "000102030405060708090a0b0c0d0e0e"},
		{"CN=fixed", "CN=fixed "},
		{"", "x"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		cr_expect(!match_template(rows[i].template, "c-1", rows[i].text), "%s matches %s",
			  rows[i].text, rows[i].template);
}

Test(template, finds_the_index_where_digits_stand_around_it)
{
	cr_expect(match_template("CN={index}5", "c", "CN=55"));
	cr_expect(match_template("CN={index}5", "c", "CN=12345"));
	cr_expect(match_template("CN=1{index}{index}1", "c", "CN=123231"));
	cr_expect(match_template("{index}{random}", "c", "1" RANDOM_TEXT));
	cr_expect(match_template("{random}{index}", "c", RANDOM_TEXT "999999999"));
	cr_expect(!match_template("CN={index}5", "c", "CN=5"));
}
