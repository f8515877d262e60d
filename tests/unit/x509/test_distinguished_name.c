#include "common/x509/distinguished_name.h"

#include "tests/unit/x509/forge.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const char where[] = "RFC 5280 section 4.1.2.6: subject";

static void expect_refused(struct bytes name, const char *reason)
{
	struct verdict verdict = {0};

	check_name(name, where, &verdict);
	cr_expect(verdict.invalid, "expected: %s", reason);
	cr_expect(strncmp(verdict.reason, where, strlen(where)) == 0, "%s", verdict.reason);
	cr_expect(strstr(verdict.reason, reason) != NULL, "expected %s, found %s", reason,
		  verdict.reason);
}

/* catalogue 46 */
Test(distinguished_name, refuses_deceptive_and_overlong_values)
{
	static const struct {
		uint8_t arc;
		uint8_t tag;
		const char *value;
		size_t len;
		const char *reason;
	} rows[] = {
#define ROW(arc, tag, value, reason) {arc, tag, value, sizeof(value) - 1, reason}
		ROW(3, DER_UTF8_STRING, "", "1 to 64 characters"),
		ROW(3, DER_UTF8_STRING, "a\0b", "U+0000"),
		ROW(3, DER_UTF8_STRING, "a\rb", "U+000D"),
		ROW(3, DER_UTF8_STRING, "a\nb", "U+000A"),
		ROW(3, DER_UTF8_STRING, "a\x7f", "U+007F"),
		ROW(3, DER_UTF8_STRING, "a\xc2\x85", "U+0085"),
		ROW(3, DER_UTF8_STRING,
		    "a\xe2\x80\xae"
		    "b",
		    "U+202E"),
		ROW(3, DER_UTF8_STRING,
		    "a\xe2\x81\xa6"
		    "b",
		    "U+2066"),
		ROW(3, DER_UTF8_STRING, "a\xe2\x80\x8f", "U+200F"),
		ROW(3, DER_UTF8_STRING, "a\xff", "not UTF-8"),
		ROW(3, DER_IA5_STRING, "a",
		    "expected PrintableString or UTF8String, found ASN.1 tag 0x16"),
		ROW(3, 0x14, "a", "0x14"),
		ROW(3, 0x1e, "\0a", "0x1e"),
		ROW(3, 0x1c, "\0\0\0a", "0x1c"),
		ROW(3, DER_OCTET_STRING, "a", "0x04"),
		ROW(6, DER_PRINTABLE_STRING, "F", "countryName: expected 2 to 2"),
		ROW(6, DER_PRINTABLE_STRING, "FRA", "countryName: expected 2 to 2"),
		ROW(6, DER_UTF8_STRING, "FR", "countryName: expected PrintableString"),
		ROW(99, DER_UTF8_STRING, "", "an attribute: expected 1"),
		ROW(99, DER_BIT_STRING, "\0a", "an attribute"),
#undef ROW
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_refused(
			name_with(rows[i].arc, rows[i].tag,
				  (struct bytes){(const uint8_t *)rows[i].value, rows[i].len}),
			rows[i].reason);
}

Test(distinguished_name, counts_characters_up_to_the_upper_bounds)
{
	static const struct {
		uint8_t arc;
		size_t most;
	} rows[] = {{3, 64}, {7, 128}, {8, 128}, {10, 64}, {11, 64}, {12, 64}, {65, 128}};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer value = {0};
		struct verdict verdict = {0};

		for (size_t count = 0; count < rows[i].most; count++)
			append_string(&value, "é");
		check_name(name_with(rows[i].arc, DER_UTF8_STRING, bytes_of_buffer(&value)), where,
			   &verdict);
		cr_expect(!verdict.invalid, "%s", verdict.reason);
		append_string(&value, "x");
		expect_refused(name_with(rows[i].arc, DER_UTF8_STRING, bytes_of_buffer(&value)),
			       "appendix A.1");
	}
}

Test(distinguished_name, refuses_names_without_the_structure_of_one)
{
	struct bytes pair =
		item(DER_SEQUENCE, JOIN(OCTETS("\x06\x03\x55\x04\x03"), OCTETS("\x0c\x01x")));

	expect_refused(OCTETS(""), "sequence of relative names");
	expect_refused(item(DER_SET, pair), "sequence of relative names");
	expect_refused(item(DER_SEQUENCE, pair), "sequence of relative names");
	expect_refused(item(DER_SEQUENCE, item(DER_SET, OCTETS(""))), "without attributes");
	expect_refused(item(DER_SEQUENCE, item(DER_SET, OCTETS("\x0c\x01x"))),
		       "a type and a value");
	expect_refused(item(DER_SEQUENCE,
			    item(DER_SET, item(DER_SEQUENCE, OCTETS("\x06\x03\x55\x04\x03")))),
		       "a type and a value");
	expect_refused(item(DER_SEQUENCE,
			    item(DER_SET, item(DER_SEQUENCE,
					       OCTETS("\x06\x03\x55\x04\x03\x0c\x01x\x0c\x01y")))),
		       "a type and a value");
}

Test(distinguished_name, takes_names_as_they_should_be)
{
	struct bytes rows[] = {
		common_name("client1-1"),
		common_name("Zoé + \"quotes\", <brackets>; \\"),
		name_with(6, DER_PRINTABLE_STRING, OCTETS("FR")),
		name_with(99, DER_UTF8_STRING, OCTETS("unknown attribute")),
		item(DER_SEQUENCE, OCTETS("")),
		item(DER_SEQUENCE,
		     item(DER_SET, item(DER_SEQUENCE,
					JOIN(OCTETS("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"),
					     item(DER_IA5_STRING, OCTETS("a@example.org")))))),
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct verdict verdict = {0};

		check_name(rows[i], where, &verdict);
		cr_expect(!verdict.invalid, "%s", verdict.reason);
		cr_expect_eq(empty_name(rows[i]), i == 4);
	}
}
