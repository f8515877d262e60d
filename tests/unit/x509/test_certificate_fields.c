#include "common/x509/certificate_fields.h"

#include "tests/support/expect.h"
#include "tests/unit/x509/forge.h"

#include <criterion/criterion.h>

static void expect_refused(const struct forged_certificate *forged, const char *reason)
{
	struct certificate_fields fields = {0};

	REFUSED(split_certificate(forge_certificate(forged, root_key()), &fields, &fault),
		FAULT_MALFORMED, reason);
	cr_expect_null(fields.spki.data);
}

Test(certificate_fields, refuses_certificates_of_another_structure)
{
	static const char structure[] = "section 4.1.2";
	struct forged_certificate forged = forged_member();

	forged.version = OCTETS("\xa0\x03\x02\x01\x00");
	expect_refused(&forged, structure);
	forged.version = OCTETS("\xa0\x03\x02\x01\x03");
	expect_refused(&forged, structure);
	forged.version = OCTETS("\xa0\x06\x02\x01\x02\x02\x01\x02");
	expect_refused(&forged, structure);
	forged = forged_member();
	forged.issuer = item(DER_SET, OCTETS(""));
	expect_refused(&forged, structure);
	forged = forged_member();
	forged.validity = item(DER_SEQUENCE, OCTETS(""));
	expect_refused(&forged, structure);
	forged = forged_member();
	forged.spki = OCTETS("");
	expect_refused(&forged, structure);
	forged = forged_member();
	forged.extensions = item(DER_CONTEXT_CONSTRUCTED + 3, OCTETS(""));
	expect_refused(&forged, structure);
	forged = forged_member();
	forged.extensions = JOIN(forged.extensions, OCTETS("\xa4\x00"));
	expect_refused(&forged, structure);
	forged = forged_member();
	forged.serial = OCTETS("");
	expect_refused(&forged, "INTEGER");
	forged.serial = OCTETS("\x00\x01");
	expect_refused(&forged, "INTEGER");
}

Test(certificate_fields, sees_every_part_of_a_certificate)
{
	struct forged_certificate forged = forged_member();
	struct certificate_fields fields = {0};

	forged.identifiers = OCTETS("\x81\x02\x00\x01\x82\x02\x00\x02");
	forged.algorithm = OCTETS("\x30\x05\x06\x03\x2b\x65\x70");
	OK(split_certificate(forge_certificate(&forged, root_key()), &fields, &fault));
	cr_expect_eq(fields.version, 3);
	cr_expect(equal_bytes(fields.serial, forged.serial));
	cr_expect(equal_bytes(fields.algorithm, forged.algorithm));
	cr_expect(equal_bytes(fields.signed_object.algorithm, forged.outer_algorithm));
	cr_expect(equal_bytes(fields.issuer, forged.issuer));
	cr_expect(equal_bytes(JOIN(fields.not_before.whole, fields.not_after.whole),
			      JOIN(OCTETS("\x17\x0d"
					  "250101000000Z\x17\x0d"
					  "450101000000Z"))));
	cr_expect(equal_bytes(fields.subject, forged.subject));
	cr_expect(equal_bytes(fields.spki, forged.spki));
	cr_expect(fields.unique_identifiers);
	cr_expect(fields.extensible);
	cr_expect(equal_bytes(extensions_of(fields.extensions), forged.extensions));
	cr_expect(equal_bytes(find_subject_key_id(&fields), OCTETS("member")));
}

Test(certificate_fields, sees_version_1_without_extensions)
{
	struct forged_certificate forged = forged_member();
	struct certificate_fields fields = {0};

	forged.version = OCTETS("");
	forged.extensions = OCTETS("");
	OK(split_certificate(forge_certificate(&forged, root_key()), &fields, &fault));
	cr_expect_eq(fields.version, 1);
	cr_expect(!fields.extensible);
	cr_expect(!fields.unique_identifiers);
	cr_expect_eq(find_subject_key_id(&fields).len, (size_t)0);
}

Test(certificate_fields, refuses_extensions_of_another_structure)
{
	struct bytes rows[] = {
		OCTETS("\x30\x00"),
		OCTETS("\x31\x07\x06\x03\x55\x1d\x11\x04\x00"),
		OCTETS("\x30\x05\x06\x03\x55\x1d\x11"),
		OCTETS("\x30\x08\x06\x03\x55\x1d\x11\x01\x01\xff"),
		/* DER omits the default, FALSE */
		OCTETS("\x30\x0a\x06\x03\x55\x1d\x11\x01\x01\x00\x04\x00"),
		OCTETS("\x30\x09\x06\x03\x55\x1d\x11\x04\x00\x05\x00"),
		OCTETS("\x30\x07\x06\x03\x55\x1d\x11\x03\x00"),
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bytes rest = JOIN(subject_key_id("x"), rows[i]);
		struct extension found;
		bool was_found = true;

		REFUSED(find_extension(rest, EXTENSION_SUBJECT_KEY_ID, &found, &was_found, &fault),
			FAULT_MALFORMED, "section 4.1", "row %zu", i);
		cr_assert(read_extension(&rest, &found));
		cr_expect(!read_extension(&rest, &found));
		cr_expect_gt(rest.len, (size_t)0);
	}
}

Test(certificate_fields, refuses_an_extension_that_is_there_twice)
{
	struct bytes twice = JOIN(subject_key_id("x"), subject_key_id("y"));
	struct extension found;
	bool was_found = true;

	REFUSED(find_extension(twice, EXTENSION_SUBJECT_KEY_ID, &found, &was_found, &fault),
		FAULT_MALFORMED, "2.5.29.14 is there twice");
	OK(find_extension(twice, EXTENSION_KEY_USAGE, &found, &was_found, &fault));
	cr_expect(!was_found);
}

Test(certificate_fields, distinguishes_extensions_below_id_ce)
{
	struct bytes rest = JOIN(extension(37, true, OCTETS("x")),
				 OCTETS("\x30\x07\x06\x03\x55\x04\x25\x04\x00"),
				 OCTETS("\x30\x08\x06\x04\x55\x1d\x25\x01\x04\x00"));
	struct extension found;

	cr_assert(read_extension(&rest, &found));
	cr_expect_eq(found.id, (int)EXTENSION_EXTENDED_KEY_USAGE);
	cr_expect(found.critical);
	cr_expect(equal_bytes(found.value, OCTETS("x")));
	for (int i = 0; i < 2; i++) {
		cr_assert(read_extension(&rest, &found));
		cr_expect_eq(found.id, (int)EXTENSION_OTHER);
		cr_expect(!found.critical);
	}
	cr_expect_eq(rest.len, (size_t)0);
}

Test(certificate_fields, refuses_requests_of_another_structure)
{
	static const char structure[] = "RFC 2986 section 4.1";
	const struct forged_csr good = forged_request();
	struct forged_csr rows[6] = {good, good, good, good, good, good};

	rows[0].version = OCTETS("\x02\x01\x01");
	rows[1].version = OCTETS("");
	rows[2].subject = OCTETS("");
	rows[3].spki = OCTETS("");
	rows[4].spki = JOIN(good.spki, OCTETS("\xa0\x00"));
	rows[5].version = OCTETS("\x02\x02\x01\x00");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct csr_fields fields = {0};

		REFUSED(split_csr(forge_csr(&rows[i], member_key()), &fields, &fault),
			FAULT_MALFORMED, structure, "row %zu", i);
	}
}

Test(certificate_fields, refuses_attributes_out_of_order)
{
	struct forged_csr forged = forged_request();
	struct csr_fields fields = {0};

	forged.attributes =
		OCTETS("\x30\x06\x06\x02\x2a\x04\x31\x00\x30\x06\x06\x02\x2a\x03\x31\x00");
	REFUSED(split_csr(forge_csr(&forged, member_key()), &fields, &fault), FAULT_MALFORMED,
		"attributes in ascending order");
}
