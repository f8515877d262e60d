#include "common/x509/revocation/crl_fields.h"

#include "tests/support/expect.h"
#include "tests/unit/x509/revocation/forge_crl.h"

#include <criterion/criterion.h>
#include <string.h>

static void expect_refused(const struct forged_crl *forged, size_t row, const char *reason)
{
	struct crl_fields fields = {0};

	REFUSED(split_crl(forge_crl(forged, root_key()), &fields, &fault), FAULT_MALFORMED, reason,
		"row %zu: %s", row, reason);
	cr_expect_null(fields.issuer.data);
}

#define NO_BYTES ((struct bytes){0})

/* catalogue 58 */
Test(crl_fields, refuses_extensions_that_change_the_meaning_of_the_list)
{
	struct bytes known = JOIN(authority_key_id("root"), crl_number_extension(OCTETS("\x07")));
	const struct {
		struct bytes extensions;
		const char *reason;
	} rows[] = {
		{NO_BYTES, "extensions: expected at least one"},
		{authority_key_id("root"), "section 5.2.3: CRL number: expected one"},
		{crl_number_extension(OCTETS("\x07")),
		 "section 5.2.1: authorityKeyIdentifier: expected one"},
		{JOIN(known, extension(99, true, OCTETS("\x05\x00"))),
		 "section 5.2: a critical extension that is not known"},
		{JOIN(known, extension(28, true, OCTETS("\x30\x00"))), "section 5.2.5"},
		{JOIN(known, extension(28, false, OCTETS("\x30\x00"))), "section 5.2.5"},
		{JOIN(known, extension(27, true, OCTETS("\x02\x01\x01"))), "section 5.2.4"},
		{JOIN(known, extension(27, false, OCTETS("\x02\x01\x01"))), "section 5.2.4"},
		{JOIN(known, crl_number_extension(OCTETS("\x08"))), "is there twice"},
		{JOIN(known, authority_key_id("root")), "is there twice"},
		{JOIN(known, extension(18, false, OCTETS("")), extension(18, false, OCTETS(""))),
		 "is there twice"},
		{JOIN(known, OCTETS("\x30\x00")), "section 4.1"},
		{JOIN(authority_key_id("root"), crl_number_extension(OCTETS("\xff"))),
		 "section 5.2.3: CRL number: expected a number that is not negative"},
		{JOIN(authority_key_id("root"),
		      crl_number_extension(OCTETS("\x01zzzzzzzzzzzzzzzzzzzz"))),
		 "section 5.2.3: CRL number: expected at most 20 octets"},
		{JOIN(authority_key_id("root"), extension(20, false, OCTETS("\x05\x00"))),
		 "section 5.2.3: CRL number: expected a number"},
		{JOIN(authority_key_id(""), crl_number_extension(OCTETS("\x07"))),
		 "section 5.2.1: authorityKeyIdentifier: expected a keyIdentifier"},
		{JOIN(extension(35, false, OCTETS("\x30\x00")),
		      crl_number_extension(OCTETS("\x07"))),
		 "section 5.2.1: authorityKeyIdentifier: expected a keyIdentifier"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct forged_crl forged = forged_crl();

		forged.extensions = crl_extensions_of(rows[i].extensions);
		expect_refused(&forged, i, rows[i].reason);
	}
}

Test(crl_fields, refuses_more_extensions_than_anybody_needs)
{
	struct forged_crl forged = forged_crl();
	struct bytes extensions = OCTETS("");

	for (uint8_t arc = 100; arc < 117; arc++)
		extensions = JOIN(extensions, extension(arc, false, OCTETS("\x05\x00")));
	forged.extensions = crl_extensions_of(extensions);
	expect_refused(&forged, 0, "certpool expects at most 16 extensions (docs/profile.md)");
}

/* catalogue 47, 95 */
Test(crl_fields, refuses_octets_that_are_not_a_crl_of_version_2)
{
	const struct {
		size_t part;
		struct bytes value;
		const char *reason;
	} rows[] = {
		{offsetof(struct forged_crl, version), NO_BYTES, "section 5.1.2.1"},
		{offsetof(struct forged_crl, version), OCTETS("\x02\x01\x00"), "section 5.1.2.1"},
		{offsetof(struct forged_crl, version), OCTETS("\x02\x01\x02"), "section 5.1.2.1"},
		{offsetof(struct forged_crl, version), OCTETS("\x02\x02\x00\x01"), "not DER"},
		{offsetof(struct forged_crl, algorithm), NO_BYTES, "section 5.1.2.2"},
		{offsetof(struct forged_crl, algorithm),
		 OCTETS("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03"), "section 5.1.2.2"},
		{offsetof(struct forged_crl, issuer), OCTETS("\x30\x00"), "section 5.1.2.3"},
		{offsetof(struct forged_crl, issuer), NO_BYTES, "section 5.1.2.3"},
		{offsetof(struct forged_crl, this_update),
		 OCTETS("\x17\x0b"
			"2609211413Z"),
		 "section 5.1.2.4"},
		{offsetof(struct forged_crl, this_update),
		 OCTETS("\x18\x0f"
			"20260921141320Z"),
		 "section 5.1.2.4"},
		{offsetof(struct forged_crl, next_update), NO_BYTES, "section 5.1.2.5"},
		{offsetof(struct forged_crl, next_update),
		 OCTETS("\x18\x0f"
			"20260922141320Z"),
		 "section 5.1.2.5"},
		{offsetof(struct forged_crl, next_update),
		 OCTETS("\x17\x0d"
			"260920141320Z"),
		 "certpool expects nextUpdate not before thisUpdate (docs/profile.md)"},
		{offsetof(struct forged_crl, revoked), OCTETS("\x30\x00"), "section 5.1.2.6"},
		{offsetof(struct forged_crl, revoked), OCTETS("\x31\x00"), "section 5.1.2.7"},
		{offsetof(struct forged_crl, extensions), NO_BYTES, "section 5.1.2.7"},
		{offsetof(struct forged_crl, extensions), OCTETS("\xa0\x00"), "section 5.1.2.7"},
		{offsetof(struct forged_crl, extensions), OCTETS("\xa1\x02\x30\x00"),
		 "section 5.1.2.7"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct forged_crl forged = forged_crl();

		memcpy((uint8_t *)&forged + rows[i].part, &rows[i].value, sizeof(rows[i].value));
		expect_refused(&forged, i, rows[i].reason);
	}
}

Test(crl_fields, refuses_octets_around_it)
{
	struct forged_crl forged = forged_crl();
	struct bytes der = forge_crl(&forged, root_key());
	const struct bytes rows[] = {
		JOIN(der, OCTETS("\x00")),  (struct bytes){der.data, der.len - 1},
		patched(der, 0, 0x31),      OCTETS(""),
		OCTETS("\x30\x80\x00\x00"), OCTETS("\x30\x00"),
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct crl_fields fields;

		REFUSED(split_crl(rows[i], &fields, &fault), FAULT_MALFORMED, NULL, "row %zu", i);
		cr_expect_eq(strncmp(last_refusal()->text, "CRL: ", 5), 0, "%s",
			     last_refusal()->text);
	}
}

/* catalogue 58 */
Test(crl_fields, refuses_entries)
{
	static const char when[] = "260101000000Z";
	struct bytes serial = OCTETS("\x01");
	const struct {
		struct bytes entry;
		const char *reason;
	} rows[] = {
		{OCTETS(""), "serial"},
		{OCTETS("\x30\x00"), "serial"},
		{OCTETS("\x31\x00"), "serial"},
		{revoked_entry(OCTETS("zzzzzzzzzzzzzzzzzzzzz"), when, NO_BYTES),
		 "at most 20 octets"},
		{revoked_entry(serial, "2601010000Z", NO_BYTES), "revocationDate"},
		{revoked_entry(serial, "20260101000000Z", NO_BYTES), "revocationDate"},
		{revoked_entry(serial, "260230000000Z", NO_BYTES), "revocationDate"},
		{revoked_entry(serial, when, OCTETS("\x05\x00")), "section 4.1"},
		{revoked_entry(serial, when, reason_extension(7)), "section 5.3.1"},
		{revoked_entry(serial, when, reason_extension(8)), "section 5.3.1"},
		{revoked_entry(serial, when, reason_extension(11)), "section 5.3.1"},
		{revoked_entry(serial, when, extension(21, false, OCTETS("\x02\x01\x01"))),
		 "section 5.3.1"},
		{revoked_entry(serial, when, extension(21, false, OCTETS("\x0a\x01\x01\x05\x00"))),
		 "section 5.3.1"},
		{revoked_entry(serial, when, JOIN(reason_extension(1), reason_extension(4))),
		 "is there twice"},
		{revoked_entry(serial, when, extension(29, true, OCTETS("\x30\x00"))),
		 "section 5.3.3"},
		{revoked_entry(serial, when, extension(29, false, OCTETS("\x30\x00"))),
		 "section 5.3.3"},
		{revoked_entry(serial, when, extension(99, true, OCTETS("\x05\x00"))),
		 "section 5.3: a critical extension"},
		{item(DER_SEQUENCE,
		      JOIN(OCTETS("\x02\x01\x01"), item(DER_UTC_TIME, OCTETS("260101000000Z")),
			   OCTETS("\x30\x00"))),
		 "at least one"},
		{item(DER_SEQUENCE,
		      JOIN(OCTETS("\x02\x01\x01"), item(DER_UTC_TIME, OCTETS("260101000000Z")),
			   OCTETS("\x05\x00"))),
		 "entry's end"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bytes rest = rows[i].entry;
		struct revoked_entry entry = {.reason = 99};
		const char *problem = read_revoked_entry(&rest, &entry);

		cr_assert_not_null(problem, "row %zu", i);
		cr_expect_not_null(strstr(problem, rows[i].reason), "row %zu: %s", i, problem);
		cr_expect_eq(entry.reason, 99);
		cr_expect_eq(rest.data, rows[i].entry.data);
	}
}

Test(crl_fields, reads_an_entry_and_ignores_unknown_extensions)
{
	struct bytes entries = JOIN(
		revoked_entry(OCTETS("\x00\xff"), "260101000000Z",
			      JOIN(extension(24, false, OCTETS("\x05\x00")), reason_extension(1))),
		revoked_entry(OCTETS("\x02"), "20500101000000Z", NO_BYTES));
	struct revoked_entry entry = {0};

	cr_assert_null(read_revoked_entry(&entries, &entry));
	cr_expect(equal_bytes(entry.serial, OCTETS("\x00\xff")));
	cr_expect_eq(entry.revoked_at_s, 1767225600);
	cr_expect_eq(entry.reason, REASON_KEY_COMPROMISE);
	cr_assert_null(read_revoked_entry(&entries, &entry));
	cr_expect(equal_bytes(entry.serial, OCTETS("\x02")));
	cr_expect_eq(entry.revoked_at_s, 2524608000);
	cr_expect_eq(entry.reason, REASON_UNSPECIFIED);
	cr_expect_eq(entries.len, 0);
}

Test(crl_fields, splits)
{
	struct forged_crl forged = forged_crl();
	struct crl_fields fields = {0};

	forged.extensions = crl_extensions_of(JOIN(crl_number_extension(OCTETS("\x00\x80")),
						   authority_key_id("root"),
						   extension(46, false, OCTETS("\x30\x00"))));
	OK(split_crl(forge_crl(&forged, root_key()), &fields, &fault));
	cr_expect(equal_bytes(fields.issuer, common_name("Root")));
	cr_expect_eq(fields.this_update_s, FORGED_NOW_S);
	cr_expect_eq(fields.next_update_s, FORGED_NOW_S + 86400);
	cr_expect_eq(fields.revoked.len, 0);
	cr_expect(equal_bytes(fields.authority_key_id.key_id, OCTETS("root")));
	cr_expect(equal_bytes(fields.number, OCTETS("\x80")));
}
