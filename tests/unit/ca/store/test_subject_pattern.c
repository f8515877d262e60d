#include "common/ca/store/subject_pattern.h"

#include "common/base/cleanup.h"

#include <criterion/criterion.h>
#include <stddef.h>

Test(subject_pattern, is_used_like_this)
{
	cr_expect(matches_pattern("CN=sensor-[0-9]*", "CN=sensor-17,O=Acme"));
	cr_expect_not(matches_pattern("CN=sensor-[0-9]*", "CN=sensor-x"));
}

/* Whether they match is what SQLite's GLOB says (sqlite/test_glob.c). */
Test(subject_pattern, means_what_glob_means)
{
	static const struct {
		const char *pattern;
		const char *text;
		bool matches;
	} rows[] = {
		{"", "", true},
		{"", "a", false},
		{"a", "A", false},
		{"*", "", true},
		{"**", "abc", true},
		{"a*c", "abcbc", true},
		{"a*c", "abcb", false},
		{"*a*b*", "xxaxxbxx", true},
		{"*ab", "aab", true},
		{"?", "", false},
		{"?", "a", true},
		{"?", "\xc3\xa9", true}, /* é, two octets, is one character */
		{"??", "\xc3\xa9", false},
		{"*?", "", false},
		{"[abc]", "b", true},
		{"[abc]", "d", false},
		{"[abc]", "", false},
		{"[a-c]x", "bx", true},
		{"[a-c]", "-", false},
		{"[^a-c]", "d", true},
		{"[^a-c]", "b", false},
		{"[!a]", "!", true}, /* only ^ inverts */
		{"[]]", "]", true},
		{"[^]]", "]", false},
		{"[]-a]", "_", false}, /* no range begins with a ] that comes first */
		{"[a-]", "-", true},
		{"[-a]", "-", true},
		{"[c-a]", "b", false},
		{"[a-c-e]", "d", false},
		{"[a-c-e]", "-", true},
		{"[\xc3\xa0-\xc3\xaf]", "\xc3\xa9", true}, /* à to ï */
		{"[a", "a", false},
		{"[", "[", false},
		{"[]", "]", false},
		{"[[]", "[", true},
		{"[*]", "*", true},
		{"[*]", "a", false},
		{"]", "]", true},
		{"a\\*", "a\\b", true}, /* a backslash is itself */
		{"*[0-9]", "a1b2", true},
		{"*[0-9]", "a1b", false},
		{"*[", "a[", false},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		cr_expect_eq(matches_pattern(rows[i].pattern, rows[i].text), rows[i].matches,
			     "\"%s\" and \"%s\"", rows[i].pattern, rows[i].text);
}
