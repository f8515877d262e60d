#include "common/base/hex.h"

#include <criterion/criterion.h>
#include <string.h>

Test(hex, refuses_what_is_not_two_digits_an_octet)
{
	static const char *const bad[] = {"",     "0",    "00f",   "00ff0", "00ff00",
					  "00FF", "0x0f", "00 f",  "0:0f",  "00fg",
					  "+0ff", "-0ff", " 00ff", "00f\n"};

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		uint8_t octets[2] = {1, 2};

		cr_expect_not(parse_hex(bad[i], octets, sizeof(octets)), "took \"%s\"", bad[i]);
		cr_expect(octets[0] == 1 && octets[1] == 2, "\"%s\" changed something", bad[i]);
	}
}

Test(hex, reads_what_it_writes)
{
	uint8_t octets[256];
	uint8_t read[256];
	char text[2 * sizeof(octets) + 1];
	CLEANUP(clear_buffer) struct buffer appended = {0};

	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)i;
	format_hex((struct bytes){octets, sizeof(octets)}, text);
	cr_expect_eq(strncmp(text, "000102030405060708090a0b0c0d0e0f10", 34), 0);
	cr_expect_str_eq(text + 2 * 250, "fafbfcfdfeff");
	cr_expect(parse_hex(text, read, sizeof(read)));
	cr_expect_arr_eq(read, octets, sizeof(octets));
	append_hex(&appended, (struct bytes){octets, sizeof(octets)});
	cr_expect_str_eq((const char *)appended.data, text);
	cr_expect(parse_hex("", read, 0));
	format_hex((struct bytes){NULL, 0}, text);
	cr_expect_str_eq(text, "");
}

Test(hex, knows_digits_of_either_case)
{
	static const char digits[] = "0123456789abcdef";

	for (int c = 0; c < 256; c++) {
		const char *at = c != 0 ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;

		cr_expect_eq(hex_value((char)c), at != NULL ? (int)(at - digits) : -1, "%d", c);
	}
}
