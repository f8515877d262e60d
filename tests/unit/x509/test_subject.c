#include "common/x509/subject.h"

#include "tests/support/gnutls_objects.h"
#include "tests/unit/x509/forge.h"

#include <criterion/criterion.h>
#include <string.h>

Test(subject, refuses_what_is_no_name)
{
	static const char *const texts[] = {"", "client1", "CN", "CN=a,b", "=a"};

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		char *rewritten = NULL;
		struct fault fault = {0};

		cr_expect_eq(rewrite_subject(texts[i], &rewritten, &fault), -1, "\"%s\"", texts[i]);
		cr_expect_null(rewritten);
		cr_expect_eq(fault.class, FAULT_MALFORMED);
		cr_expect_not_null(strstr(fault.text, "expected RFC 4514"), "%s", fault.text);
	}
}

Test(subject, writes_names_in_one_way)
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
		struct fault fault = {0};

		cr_assert_eq(rewrite_subject(rows[i].text, &rewritten, &fault), 0, "%s",
			     fault.text);
		cr_expect_str_eq(rewritten, rows[i].expected);
	}
}

static void expect_text(struct bytes name, const char *expected)
{
	CLEANUP(free_string) char *text = NULL;
	struct fault fault = {0};

	cr_assert_eq(format_name(name, &text, &fault), 0, "%s", fault.text);
	cr_expect_str_eq(text, expected);
}

Test(subject, refuses_to_write_what_is_no_name)
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
		struct fault fault = {0};

		cr_expect_eq(format_name(rows[i], &text, &fault), -1, "row %zu", i);
		cr_expect_eq(fault.class, FAULT_MALFORMED);
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
Test(subject, shows_no_deceptive_character)
{
	expect_text(common_name("b\nc\xe2\x80\xae"
				"d\xff"
				"é"),
		    "CN=b?c?d?é");
	expect_text(name_with(3, DER_UTF8_STRING, OCTETS("a\0b")), "CN=a?b");
	expect_text(item(DER_SEQUENCE, OCTETS("")), "");
}

Test(subject, writes_what_has_no_text_in_hex)
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

/* Read by GnuTLS, written by us as GnuTLS writes it, and read again as the same name. */
Test(subject, writes_what_gnutls_writes_and_reads)
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
		struct fault fault = {0};

		cr_assert_eq(append_name(&name, texts[i], &fault), 0, "%s", fault.text);
		cr_assert_eq(format_name(bytes_of_buffer(&name), &text, &fault), 0, "%s",
			     fault.text);
		der = datum_of(bytes_of_buffer(&name));
		cr_assert_eq(gnutls_x509_rdn_get2(&der, &theirs, 0), 0);
		cr_expect_str_eq(text, (const char *)theirs.data);
		cr_assert_eq(append_name(&again, text, &fault), 0, "%s", fault.text);
		cr_expect(equal_bytes(bytes_of_buffer(&name), bytes_of_buffer(&again)), "%s", text);
		gnutls_free(theirs.data);
	}
}
