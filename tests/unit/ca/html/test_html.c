#include "common/ca/html/html.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct html html;

static void tear_down(void)
{
	clear_html(&html);
}

TestSuite(html, .fini = tear_down);

static const char *written(void)
{
	OK(check_buffer(&html.text, &fault));
	return (const char *)html.text.data;
}

static void expect_text(const char *text, const char *expected)
{
	clear_html(&html);
	html_plain_text(&html, text);
	append_string(&html.text, "");
	cr_expect_str_eq(written(), expected);
}

/* A name in a page is text, whatever is in it. */
Test(html, shows_hostile_names_as_text)
{
	static const struct {
		const char *text;
		const char *expected;
	} rows[] = {
		{"client1", "client1"},
		{"<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"},
		{"\" onload='x'", "&quot; onload=&#39;x&#39;"},
		{"a & b", "a &amp; b"},
		{"&lt;", "&amp;lt;"},
		{"-->]]>", "--&gt;]]&gt;"},
		{"Zo\xc3\xab", "Zo\xc3\xab"},
		{"a\xe2\x80\xae"
		 "b",
		 "a[U+202E]b"},
		{"a\xe2\x81\xa6"
		 "b",
		 "a[U+2066]b"},
		{"a\xe2\x80\x8b"
		 "b",
		 "a[U+200B]b"},
		{"\xef\xbb\xbf", "[U+FEFF]"},
		{"\xf3\xa0\x81\xa1", "[U+E0061]"},
		{"line\nline\ttab\x7f", "line[U+000A]line[U+0009]tab[U+007F]"},
		{"\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xc0\xbc", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"", ""},
		{NULL, ""},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_text(rows[i].text, rows[i].expected);
}

Test(html, isolates_text_from_the_direction_of_writing_around_it)
{
	html_text(&html, "\xd7\xa9\xd7\x9c");
	cr_expect_str_eq(written(), "<bdi>\xd7\xa9\xd7\x9c</bdi>");
}

Test(html, keeps_a_value_inside_its_quotes)
{
	MARKUP(&html, "<input");
	ATTRIBUTE(&html, "value", "\"><script>\x01");
	MARKUP(&html, ">");
	cr_expect_str_eq(written(), "<input value=\"&quot;&gt;&lt;script&gt;[U+0001]\">");
}

Test(html, cuts_text_of_64_kilobytes_and_says_so)
{
	char *text = malloc(65537);

	cr_assert_not_null(text);
	memset(text, 'x', 65536);
	text[65536] = '\0';
	html_plain_text(&html, text);
	free(text);
	cr_expect_leq(html.text.len, HTML_TEXT_MAX + 64);
	cr_expect_not_null(strstr(written(), "\xe2\x80\xa6 (65536 octets)"));
}

Test(html, writes_a_number_for_people_and_for_programs)
{
	html_number(&html, 1234567);
	cr_expect_str_eq(written(), "<data value=\"1234567\">1&#8239;234&#8239;567</data>");
	clear_html(&html);
	FIGURE(&html, "valid", 999);
	cr_expect_str_eq(written(), "<data id=\"n-valid\" value=\"999\">999</data>");
}

Test(html, writes_a_time_for_people_and_for_programs)
{
	html_time(&html, 1790000000);
	cr_expect_str_eq(written(),
			 "<time datetime=\"2026-09-21T14:13:20Z\">2026-09-21 14:13</time>");
	clear_html(&html);
	html_day(&html, 0);
	cr_expect_str_eq(written(), "\xe2\x80\x93");
	clear_html(&html);
	html_day(&html, INT64_MAX);
	cr_expect_not_null(strstr(written(), "out-of-range"));
}

Test(html, encodes_what_stands_in_a_url)
{
	html_url_part(&html, "a-b_c.d~1/ \"<?#%&");
	cr_expect_str_eq(written(), "a-b_c.d~1%2F%20%22%3C%3F%23%25%26");
}

Test(html, keeps_the_lines_of_a_pem)
{
	html_lines(&html, bytes_of_string("-----BEGIN X-----\nAB+/\n\x01<\n"));
	cr_expect_str_eq(written(), "-----BEGIN X-----\nAB+/\n&lt;\n");
}
