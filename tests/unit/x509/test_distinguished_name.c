#include "common/x509/distinguished_name.h"

#include "tests/support/expect.h"
#include "tests/support/gnutls_objects.h"
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
		    "certpool expects PrintableString or UTF8String, found ASN.1 tag 0x16"),
		ROW(3, 0x14, "a", "0x14"),
		ROW(3, 0x1e, "\0a", "0x1e"),
		ROW(3, 0x1c, "\0\0\0a", "0x1c"),
		ROW(3, DER_OCTET_STRING, "a", "0x04"),
		ROW(6, DER_PRINTABLE_STRING, "F", "countryName: expected 2 to 2"),
		ROW(6, DER_PRINTABLE_STRING, "FRA", "countryName: expected 2 to 2"),
		ROW(6, DER_UTF8_STRING, "FR", "countryName: certpool expects PrintableString"),
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

Test(distinguished_name, accepts_valid_names)
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

Test(distinguished_name, refuses_text_that_is_not_a_name)
{
	static const char *const texts[] = {"", "client1", "CN", "CN=a,b", "=a"};

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		char *rewritten = NULL;

		REFUSED(rewrite_subject(texts[i], &rewritten, &fault), FAULT_MALFORMED,
			"expected RFC 4514", "\"%s\"", texts[i]);
		cr_expect_null(rewritten);
	}
}

Test(distinguished_name, writes_names_in_one_way)
{
	static const struct {
		const char *text;
		const char *expected;
	} rows[] = {
		{"CN=client1-1,O=Acme,C=FR", "CN=client1-1,O=Acme,C=FR"},
		{"cn = client1-1, O=Acme,  c=FR", "CN=client1-1,O=Acme,C=FR"},
		{"CN=Acme\\, Inc, O=x", "CN=Acme\\, Inc,O=x"},
		{"CN={client}-{index}, O={random}", "CN={client}-{index},O={random}"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(free_string) char *rewritten = NULL;

		OK(rewrite_subject(rows[i].text, &rewritten, &fault));
		cr_expect_str_eq(rewritten, rows[i].expected);
	}
}

static void expect_text(struct bytes name, const char *expected)
{
	CLEANUP(free_string) char *text = NULL;

	OK(format_name(name, &text, &fault));
	cr_expect_str_eq(text, expected);
}

Test(distinguished_name, refuses_to_write_octets_that_are_not_a_name)
{
	const struct bytes rows[] = {
		OCTETS(""),
		OCTETS("\x31\x00"),
		OCTETS("\x30\x00\x00"),
		item(DER_SEQUENCE, item(DER_SEQUENCE, OCTETS(""))),
		item(DER_SEQUENCE, item(DER_SET, OCTETS("\x05\x00"))),
		item(DER_SEQUENCE, item(DER_SET, item(DER_SEQUENCE, OCTETS("\x06\x01\x55")))),
		item(DER_SEQUENCE,
		     item(DER_SET, item(DER_SEQUENCE, OCTETS("\x06\x01\x55\x05\x00\x05\x00")))),
	};
	uint8_t many[129 * 2];

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char *text = NULL;

		REFUSED(format_name(rows[i], &text, &fault), FAULT_MALFORMED, NULL, "row %zu", i);
		cr_expect_null(text);
	}
	for (size_t i = 0; i < sizeof(many); i++)
		many[i] = i % 2 == 0 ? DER_SET : 0;
	expect_text(item(DER_SEQUENCE, (struct bytes){many, 4}), ",");
	cr_expect_eq(format_name(item(DER_SEQUENCE, (struct bytes){many, sizeof(many)}),
				 &(char *){NULL}, NULL),
		     -1);
}

/* catalogue 46 */
Test(distinguished_name, shows_no_deceptive_character)
{
	expect_text(common_name("b\nc\xe2\x80\xae"
				"d\xff"
				"é"),
		    "CN=b?c?d?é");
	expect_text(name_with(3, DER_UTF8_STRING, OCTETS("a\0b")), "CN=a?b");
	expect_text(item(DER_SEQUENCE, OCTETS("")), "");
}

Test(distinguished_name, writes_values_without_text_in_hexadecimal)
{
	/* BMPString, and an attribute 1.2.3.4, and one whose first arc is 2 */
	expect_text(name_with(3, 0x1e, OCTETS("\0a")), "CN=#1e020061");
	expect_text(
		item(DER_SEQUENCE,
		     item(DER_SET, item(DER_SEQUENCE, OCTETS("\x06\x03\x2a\x03\x04\x0c\x01x")))),
		"1.2.3.4=#0c0178");
	expect_text(
		item(DER_SEQUENCE,
		     item(DER_SET, item(DER_SEQUENCE, OCTETS("\x06\x03\x88\x37\x01\x0c\x01x")))),
		"2.999.1=#0c0178");
}

/* GnuTLS reads a text; we write the DER as GnuTLS does, and GnuTLS reads the same name again. */
Test(distinguished_name, writes_the_text_of_gnutls)
{
	static const char *const texts[] = {
		"CN=client1-1",
		"CN=client1-1,OU=Pools,O=Acme,L=Paris,ST=IdF,C=FR",
		"CN=a\\+b\\, \\\"c\\\"\\<d\\>\\;=#",
		"CN=\\#x",
		"CN=\\ x\\ ",
		"CN=a\\\\b",
		"CN=Zoé,O=Ex\\, Ltd,C=FR",
		"EMAIL=a@example.org,DC=example,DC=org",
		"UID=x,serialNumber=7,title=Dr,dnQualifier=q,pseudonym=p",
	};

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		CLEANUP(clear_buffer) struct buffer name = {0};
		CLEANUP(clear_buffer) struct buffer again = {0};
		CLEANUP(free_string) char *text = NULL;
		gnutls_datum_t der;
		gnutls_datum_t theirs = {0};

		OK(append_name(&name, texts[i], &fault));
		OK(format_name(bytes_of_buffer(&name), &text, &fault));
		der = datum_of(bytes_of_buffer(&name));
		cr_assert_eq(gnutls_x509_rdn_get2(&der, &theirs, 0), 0);
		cr_expect_str_eq(text, (const char *)theirs.data);
		OK(append_name(&again, text, &fault));
		cr_expect(equal_bytes(bytes_of_buffer(&name), bytes_of_buffer(&again)), "%s", text);
		gnutls_free(theirs.data);
	}
}
