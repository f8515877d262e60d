#include "common/x509/certificate.h"

#include "common/x509/certificate_fields.h"
#include "tests/support/expect.h"
#include "tests/unit/x509/forge.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void expect_refused(struct bytes der, enum fault_class class, const char *reason)
{
	struct certificate *certificate = NULL;

	REFUSED(parse_certificate_der(der, &certificate, &fault), class, reason);
	cr_expect_null(certificate);
}

/* catalogue 31, 47 */
Test(certificate, refuses_trailing_octets_and_other_encodings)
{
	struct forged_certificate forged = forged_member();
	struct bytes der = forge_certificate(&forged, root_key());
	struct bytes body = {der.data + 4, der.len - 4};

	expect_refused(JOIN(der, OCTETS("\0")), FAULT_MALFORMED, "expected the end");
	expect_refused(JOIN(der, der), FAULT_MALFORMED, "expected the end");
	expect_refused((struct bytes){der.data, der.len - 1}, FAULT_MALFORMED, "not DER");
	expect_refused(OCTETS(""), FAULT_MALFORMED, "not DER");
	expect_refused(JOIN(OCTETS("\x30\x80"), body, OCTETS("\0\0")), FAULT_MALFORMED, "not DER");
	expect_refused(JOIN(OCTETS("\x30\x83\x00"), ((struct bytes){der.data + 2, 2}), body),
		       FAULT_MALFORMED, "not DER");
}

/* catalogue 30 */
Test(certificate, refuses_more_than_the_limit)
{
	uint8_t *octets = calloc(1, CERTIFICATE_DER_MAX + 1);

	cr_assert_not_null(octets);
	expect_refused((struct bytes){octets, CERTIFICATE_DER_MAX + 1}, FAULT_TOO_LARGE,
		       "at most 16384 octets");
	expect_refused((struct bytes){octets, SIZE_MAX}, FAULT_TOO_LARGE, "at most 16384 octets");
	free(octets);
}

Test(certificate, refuses_every_truncation)
{
	struct forged_certificate forged = forged_member();
	struct bytes der = forge_certificate(&forged, root_key());

	for (size_t len = 0; len < der.len; len++)
		expect_refused((struct bytes){der.data, len}, FAULT_MALFORMED, "not DER");
}

Test(certificate, refuses_serials_over_20_octets)
{
	struct forged_certificate forged = forged_member();

	forged.serial = OCTETS("\0\xff"
			       "3456789012345678901");
	expect_refused(forge_certificate(&forged, root_key()), FAULT_MALFORMED,
		       "section 4.1.2.2: serialNumber: expected at most 20 octets, found 21");
}

Test(certificate, refuses_times_that_cannot_be_read)
{
	struct forged_certificate forged = forged_member();

	forged.validity = validity_of("2501010000Z", "450101000000Z");
	expect_refused(forge_certificate(&forged, root_key()), FAULT_MALFORMED, "section 4.1.2.5");
	forged.validity = validity_of("250101000000Z", "450101000000+0000");
	expect_refused(forge_certificate(&forged, root_key()), FAULT_MALFORMED, "section 4.1.2.5");
}

/* catalogue 45 */
Test(certificate, refuses_weak_keys)
{
	struct forged_certificate forged = forged_member();
	struct bytes spki = forged.spki;

	forged.spki = patched(spki, spki.len - 1, (uint8_t)(spki.data[spki.len - 1] ^ 1));
	expect_refused(forge_certificate(&forged, root_key()), FAULT_REFUSED, "point of the curve");
}

Test(certificate, refuses_or_keeps_every_changed_octet)
{
	struct forged_certificate forged = forged_member();
	struct bytes der = forge_certificate(&forged, root_key());

	for (size_t i = 0; i < der.len; i++) {
		struct bytes changed = patched(der, i, (uint8_t)(der.data[i] ^ 0x55));
		struct certificate *certificate = NULL;
		struct fault fault = {0};

		if (parse_certificate_der(changed, &certificate, &fault) < 0) {
			cr_expect_neq(fault.text[0], '\0');
			continue;
		}
		cr_expect(equal_bytes(certificate_der(certificate), changed));
		cr_expect_leq(certificate_serial(certificate).len, (size_t)SERIAL_MAX);
		free_certificate(&certificate);
	}
}

/* catalogue 46: the log shows them, though check_profile refuses them */
Test(certificate, shows_hostile_names_without_control_characters)
{
	struct forged_certificate forged = forged_member();
	struct certificate *certificate = NULL;

	forged.subject = common_name("a\r\nb\xe2\x80\xae"
				     "c");
	certificate = forge_parsed(&forged, root_key());
	cr_expect_str_eq(certificate_subject(certificate), "CN=a??b?c");
	free_certificate(&certificate);
	forged.subject = item(DER_SEQUENCE, OCTETS(""));
	certificate = forge_parsed(&forged, root_key());
	cr_expect_str_eq(certificate_subject(certificate), "");
	free_certificate(&certificate);
}

Test(certificate, returns_its_fields)
{
	struct forged_certificate forged = forged_member();
	struct certificate *certificate = NULL;
	struct alt_names names = {0};
	char serial[SERIAL_TEXT_SIZE];

	forged.serial = OCTETS("\x01\xab\x00");
	forged.validity = validity_of("250101000000Z", "20500101000000Z");
	certificate = forge_parsed(&forged, root_key());
	cr_expect_eq(certificate_fields(certificate)->version, 3);
	format_serial(certificate_serial(certificate), serial);
	cr_expect_str_eq(serial, "01ab00");
	cr_expect_str_eq(certificate_subject(certificate), "CN=client1-1");
	cr_expect_str_eq(certificate_issuer(certificate), "CN=Root");
	cr_expect(equal_bytes(certificate_raw_issuer(certificate), common_name("Root")));
	cr_expect_eq(certificate_not_before(certificate), INT64_C(1735689600));
	cr_expect_eq(certificate_not_after(certificate), INT64_C(2524608000));
	cr_expect(equal_bytes(public_key_spki(certificate_public_key(certificate)), forged.spki));
	OK(get_certificate_alt_names(certificate, &names, &fault));
	cr_expect_eq(names.count, (size_t)0);
	free_certificate(&certificate);
}

Test(certificate, reads_alternative_names)
{
	struct forged_certificate forged = forged_member();
	struct certificate *certificate = NULL;
	struct alt_names names = {0};

	forged.extensions = extensions_of(
		extension(17, false, OCTETS("\x30\x09\x82\x01x\x87\x04\x7f\x00\x00\x01")));
	certificate = forge_parsed(&forged, root_key());
	OK(get_certificate_alt_names(certificate, &names, &fault));
	cr_assert_eq(names.count, (size_t)2);
	cr_expect_str_eq(names.names[0], "DNS:x");
	cr_expect_str_eq(names.names[1], "IP:127.0.0.1");
	clear_alt_names(&names);
	free_certificate(&certificate);
	forged.extensions = extensions_of(extension(17, false, OCTETS("\x30\x03\x88\x01\x2a")));
	certificate = forge_parsed(&forged, root_key());
	REFUSED(get_certificate_alt_names(certificate, &names, &fault), FAULT_MALFORMED,
		"tag 0x88");
	free_certificate(&certificate);
}

Test(certificate, reads_certificates_of_openssl_and_certtool)
{
	static const char *const names[] = {"openssl-root.crt",   "openssl-intermediate.crt",
					    "openssl-member.crt", "openssl-direct-member.crt",
					    "certtool-root.crt",  "certtool-member.crt",
					    "version-1.crt",      "signed-sha1.crt"};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct bytes pem = vector_text(names[i]);
		struct certificate *certificate = NULL;
		CLEANUP(clear_buffer) struct buffer again = {0};

		OK(parse_certificate_pem(pem, &certificate, &fault), "%s", names[i]);
		OK(format_certificate_pem(certificate_der(certificate), &again, &fault));
		cr_expect(equal_bytes(bytes_of_buffer(&again), pem), "%s", names[i]);
		free_certificate(&certificate);
	}
}

Test(certificate, writes_no_more_of_a_serial_than_fits)
{
	char text[SERIAL_TEXT_SIZE];
	uint8_t long_serial[30];

	memset(long_serial, 0xee, sizeof(long_serial));
	format_serial((struct bytes){long_serial, sizeof(long_serial)}, text);
	cr_expect_eq(strlen(text), (size_t)2 * SERIAL_MAX);
	format_serial((struct bytes){0}, text);
	cr_expect_str_eq(text, "");
}
