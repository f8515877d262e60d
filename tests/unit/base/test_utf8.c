#include "common/base/utf8.h"

#include <criterion/criterion.h>

/* catalogue 28 */
Test(utf8, refuses_what_is_not_utf8)
{
	static const char *const rows[] = {
		"\x80",
		"\xc0\x80",
		"\xc1\xbf",
		"\xe0\x80\x80",
		"\xe0\x9f\xbf",
		"\xf0\x80\x80\x80",
		"\xf0\x8f\xbf\xbf",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf8\x88\x80\x80",
		"\xff",
		"\xc3",
		"\xe2\x82",
		"\xf0\x9f\x98",
		"\xc3\x28",
		"\xe2\x28\xa1\x00",
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bytes text = bytes_of_string(rows[i]);
		const uint8_t *before = text.data;
		uint32_t character = 7;

		cr_expect(!read_utf8(&text, &character), "row %zu", i);
		cr_expect_eq(text.data, before);
		cr_expect_eq(character, (uint32_t)7);
	}
}

Test(utf8, reads_every_length)
{
	static const struct {
		const char *text;
		uint32_t character;
	} rows[] = {
		{"A", 'A'},
		{"\xc2\x80", 0x80},
		{"\xc3\xa9", 0xe9},
		{"\xe0\xa0\x80", 0x800},
		{"\xef\xbf\xbd", 0xfffd},
		{"\xf0\x90\x80\x80", 0x10000},
		{"\xf4\x8f\xbf\xbf", 0x10ffff},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bytes text = bytes_of_string(rows[i].text);
		uint32_t character = 0;

		cr_assert(read_utf8(&text, &character), "row %zu", i);
		cr_expect_eq(character, rows[i].character);
		cr_expect_eq(text.len, (size_t)0);
		cr_expect(!read_utf8(&text, &character), "the end");
	}
}

/* catalogue 46 */
Test(utf8, knows_deceptive_characters)
{
	static const uint32_t deceptive[] = {0,      '\n',   '\r',   0x1b,   0x7f,
					     0x85,   0x61c,  0x200e, 0x200f, 0x2028,
					     0x2029, 0x202a, 0x202e, 0x2066, 0x2069};
	static const uint32_t harmless[] = {' ', '~', 0xa0, 0xe9, 0x5d0, 0x200d, 0x202f, 0x1f600};

	for (size_t i = 0; i < COUNT_OF(deceptive); i++)
		cr_expect(deceptive_character(deceptive[i]), "U+%04X", (unsigned)deceptive[i]);
	for (size_t i = 0; i < COUNT_OF(harmless); i++)
		cr_expect(!deceptive_character(harmless[i]), "U+%04X", (unsigned)harmless[i]);
}
