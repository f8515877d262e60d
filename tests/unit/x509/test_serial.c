#include "common/x509/serial.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS "2b4f000102030405060708090a0b0c0d0e0f1011"
#define COLONS "2b:4f:00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:10:11"

Test(serial, refuses_text_that_is_not_a_serial)
{
	static const struct {
		const char *text;
		const char *part;
	} rows[] = {
		{"", "40 hexadecimal digits"},
		{"0x", "40 hexadecimal digits"},
		{"client1", "found \"client1\""},
		{"2b", "found 2: "},
		{"0x2b", "found 2: "},
		{DIGITS "0", "found 41: "},
		{"00" DIGITS, "found 42: "},
		{"12345678901234567890", "found 20: "},
		{"-" DIGITS, "40 hexadecimal digits"},
		{" " DIGITS, "40 hexadecimal digits"},
		{DIGITS " ", "40 hexadecimal digits"},
		{"2b4f000102030405060708090a0b0c0d0e0f101g", "40 hexadecimal digits"},
		{COLONS ":", "a colon after every two digits"},
		{":" DIGITS, "expected a serial"},
		{"2b:4f000102030405060708090a0b0c0d0e0f1011", "a colon after every two digits"},
		{"2b4:f:00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:10:11",
		 "a colon after every two digits"},
		{"2b::4f:00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:10:1",
		 "expected a serial"},
		{"0x0x" DIGITS, "expected a serial"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint8_t serial[SERIAL_MAX] = {9};

		REFUSED(parse_serial(rows[i].text, serial, &fault), FAULT_MALFORMED, rows[i].part,
			"row %zu", i);
		cr_expect_eq(serial[0], 9, "row %zu", i);
	}
}

Test(serial, reads_every_way_to_write_one)
{
	static const char *const rows[] = {
		DIGITS,
		COLONS,
		"0x" DIGITS,
		"0X" COLONS,
		"2B4F000102030405060708090A0B0C0D0E0F1011",
		"2B:4f:00:01:02:03:04:05:06:07:08:09:0A:0b:0C:0d:0E:0f:10:11",
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint8_t serial[SERIAL_MAX] = {0};
		char text[SERIAL_TEXT_SIZE];

		OK(parse_serial(rows[i], serial, &fault), "row %zu", i);
		format_serial((struct bytes){serial, SERIAL_MAX}, text);
		cr_expect_str_eq(text, DIGITS, "row %zu", i);
	}
}

Test(serial, reads_decimal_digits_as_hexadecimal)
{
	uint8_t serial[SERIAL_MAX];

	OK(parse_serial("1000000000000000000000000000000000000012", serial, &fault));
	cr_expect_eq(serial[0], 0x10);
	cr_expect_eq(serial[SERIAL_MAX - 1], 0x12);
}

Test(serial, recognises_a_fragment_of_a_serial)
{
	static const struct {
		const char *text;
		bool hexadecimal;
	} rows[] = {
		{"2b", true},    {"0x2B", true},     {"2b:4f", true},    {"deadbeef", true},
		{"12345", true}, {DIGITS "0", true}, {"client1", false}, {"", false},
		{"0x", false},   {":", false},       {"2b.crt", false},  {"2b/4f", false},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		cr_expect_eq(is_hexadecimal(rows[i].text), rows[i].hexadecimal, "\"%s\"",
			     rows[i].text);
}

static int compare_serials(const void *a, const void *b)
{
	return memcmp(a, b, SERIAL_MAX);
}

/* catalogue 48 */
Test(serial, draws_serials_that_are_unique_positive_and_of_20_octets)
{
	enum { COUNT = 100000 };
	static uint8_t serials[COUNT][SERIAL_MAX];
	uint8_t seen[SERIAL_MAX] = {0};

	for (size_t i = 0; i < COUNT; i++) {
		OK(generate_serial(serials[i], &fault));
		cr_assert(serials[i][0] > 0 && serials[i][0] < 0x80);
		for (size_t j = 0; j < SERIAL_MAX; j++)
			seen[j] |= serials[i][j];
	}
	qsort(serials, COUNT, SERIAL_MAX, compare_serials);
	for (size_t i = 1; i < COUNT; i++)
		cr_assert_neq(memcmp(serials[i - 1], serials[i], SERIAL_MAX), 0);
	cr_expect_eq(seen[0], 0x7f);
	for (size_t j = 1; j < SERIAL_MAX; j++)
		cr_expect_eq(seen[j], 0xff, "every other bit is drawn");
}
