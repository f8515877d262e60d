#include "common/x509/revocation/crl.h"

#include "common/x509/revocation/crl_builder.h"
#include "tests/support/expect.h"
#include "tests/unit/x509/revocation/forge_crl.h"

#include <criterion/criterion.h>
#include <string.h>

enum { NOW_S = FORGED_NOW_S };

static struct certificate *parsed_root(void)
{
	struct forged_certificate root = forged_root();

	return forge_parsed(&root, root_key());
}

/* catalogue 58 */
Test(crl, refuses_a_crl_that_is_not_by_the_issuer)
{
	static const char *const reasons[] = {
		"section 5.1.2.3: issuer: expected CN=Root, found another name",
		"section 5.2.1: authorityKeyIdentifier",
		"section 4.2.1.3: keyUsage: the certificate of CN=Root does not allow cRLSign",
		"section 4.2.1.3: keyUsage: the certificate of CN=Root does not allow cRLSign",
		"section 5.1.1.3: signatureValue: the signature is not by the key",
	};

	for (size_t i = 0; i < COUNT_OF(reasons); i++) {
		struct forged_certificate root = forged_root();
		struct forged_crl forged = forged_crl();
		CLEANUP(free_certificate) struct certificate *issuer = NULL;
		CLEANUP(free_crl) struct crl *crl = NULL;
		struct verdict verdict = {0};

		if (i == 0)
			forged.issuer = common_name("root");
		if (i == 1)
			forged.extensions = crl_extensions_of(JOIN(
				authority_key_id("other"), crl_number_extension(OCTETS("\x07"))));
		if (i == 2)
			root.extensions =
				extensions_of(JOIN(root_basic_constraints(),
						   extension(15, true, OCTETS("\x03\x02\x02\x04")),
						   subject_key_id("root")));
		if (i == 3)
			root.extensions = extensions_of(
				JOIN(root_basic_constraints(), subject_key_id("root")));
		issuer = forge_parsed(&root, root_key());
		crl = forge_parsed_crl(&forged, i == 4 ? other_key() : root_key());
		OK(verify_crl(crl, issuer, NOW_S, &verdict, &fault));
		cr_expect(verdict.invalid, "row %zu", i);
		cr_expect_not_null(strstr(verdict.reason, reasons[i]), "row %zu: %s", i,
				   verdict.reason);
	}
}

/* A name and a key identifier can be copied, a key cannot. catalogue 58 */
Test(crl, is_by_one_key_among_issuers_of_one_name_and_key_identifier)
{
	const struct private_key *const keys[] = {root_key(), other_key()};
	const struct forged_crl forged = forged_crl();

	for (size_t i = 0; i < COUNT_OF(keys); i++)
		for (size_t j = 0; j < COUNT_OF(keys); j++) {
			struct forged_certificate root = forged_root();
			CLEANUP(free_certificate) struct certificate *issuer = NULL;
			CLEANUP(free_crl) struct crl *crl = forge_parsed_crl(&forged, keys[i]);
			struct verdict verdict = {0};

			root.spki = spki_of(keys[j]);
			issuer = forge_parsed(&root, keys[j]);
			cr_expect(names_issuer(crl, issuer));
			OK(verify_crl(crl, issuer, NOW_S, &verdict, &fault));
			cr_expect_eq(verdict.invalid, i != j, "%zu, %zu: %s", i, j, verdict.reason);
		}
}

/* catalogue 58: each octet of the body counts */
Test(crl, refuses_a_changed_crl)
{
	CLEANUP(free_certificate) struct certificate *root = parsed_root();
	struct forged_crl forged = forged_crl();
	struct bytes der;
	struct bytes list;

	forged.revoked = revoked_list(
		revoked_entry(OCTETS("\x31\x32\x33"), "260101000000Z", reason_extension(1)));
	der = forge_crl(&forged, root_key());
	list = (struct bytes){memmem(der.data, der.len, "\x31\x32\x33", 3), 3};
	for (size_t i = 0; i < list.len; i++) {
		CLEANUP(free_crl) struct crl *crl = NULL;
		struct verdict verdict = {0};

		OK(parse_crl_copy(patched(der, (size_t)(list.data - der.data) + i, 0x41), &crl,
				  &fault));
		OK(verify_crl(crl, root, NOW_S, &verdict, &fault));
		cr_expect(verdict.invalid);
		cr_expect_not_null(strstr(verdict.reason, "signature"), "%s", verdict.reason);
	}
}

/* catalogue 58, 97 */
Test(crl, is_current_only_between_its_times)
{
	CLEANUP(free_certificate) struct certificate *root = parsed_root();
	struct forged_crl forged = forged_crl();
	CLEANUP(free_crl) struct crl *crl = forge_parsed_crl(&forged, root_key());
	static const struct {
		int64_t at_s;
		const char *reason; /* NULL: current */
	} rows[] = {
		{NOW_S - 315360000, "certpool expects thisUpdate (RFC 5280 section 5.1.2.4)"},
		{NOW_S - CRL_SKEW_S - 1, "not in the future: it was made at 2026-09-21T14:13:20Z"},
		{NOW_S - CRL_SKEW_S, NULL},
		{NOW_S, NULL},
		{NOW_S + 86400, NULL},
		{NOW_S + 86401, "section 5.1.2.5: it is out of date at 2026-09-22T14:13:21Z"},
		{NOW_S + 315360000, "section 5.1.2.5"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct verdict verdict = {0};

		OK(verify_crl(crl, root, rows[i].at_s, &verdict, &fault));
		cr_expect_eq(verdict.invalid, rows[i].reason != NULL, "row %zu", i);
		cr_expect_not_null(
			strstr(verdict.reason, rows[i].reason != NULL ? rows[i].reason : ""),
			"row %zu: %s", i, verdict.reason);
	}
}

Test(crl, refuses_a_list_with_one_bad_entry)
{
	struct bytes good = revoked_entry(OCTETS("\x01"), "260101000000Z", reason_extension(1));
	struct bytes bad = revoked_entry(OCTETS("\x02"), "260101000000Z", reason_extension(7));
	struct forged_crl forged = forged_crl();
	struct crl *crl = NULL;

	forged.revoked = revoked_list(JOIN(good, good, bad, good));
	REFUSED(parse_crl_copy(forge_crl(&forged, root_key()), &crl, &fault), FAULT_MALFORMED,
		"CRL: entry 3: RFC 5280 section 5.3.1");
	cr_expect_null(crl);
}

Test(crl, refuses_content_that_is_neither_der_nor_pem)
{
	static const char *const rows[] = {
		"",
		"x",
		"<html>404</html>",
		"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
		"-----BEGIN X509 CRL-----\n!\n-----END X509 CRL-----\n",
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct crl *crl = NULL;

		REFUSED(parse_crl_copy(bytes_of_string(rows[i]), &crl, &fault), FAULT_MALFORMED,
			"CRL", "%s", rows[i]);
	}
}

/* catalogue 26, 58: as soon as its size is known */
Test(crl, refuses_more_octets_than_a_crl_may_have)
{
	static const struct {
		char first;
		size_t len;
	} rows[] = {{0x30, (size_t)CRL_DER_MAX + 1}, {'-', (size_t)CRL_PEM_MAX + 1}};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buffer content = {0};
		uint8_t *begin = extend_buffer(&content, rows[i].len);
		struct crl *crl = NULL;

		cr_assert_not_null(begin);
		begin[0] = (uint8_t)rows[i].first;
		begin[rows[i].len - 1] = 'x';
		REFUSED(parse_crl(&content, &crl, &fault), FAULT_TOO_LARGE, "CRL: ");
		cr_expect_null(crl);
		cr_expect_null(content.data);
	}
}

static struct bytes serial_of(uint32_t number)
{
	uint8_t octets[5] = {0x10, (uint8_t)(number >> 24), (uint8_t)(number >> 16),
			     (uint8_t)(number >> 8), (uint8_t)number};

	return JOIN(((struct bytes){octets, sizeof(octets)}));
}

/* Serials in no order, and of several lengths. */
Test(crl, finds_exactly_the_serials_on_it)
{
	struct forged_crl forged = forged_crl();
	CLEANUP(free_crl) struct crl *crl = NULL;
	struct bytes entries = revoked_entry(OCTETS("\x7f"), "250101000000Z", OCTETS(""));
	struct crl_revocation found = {.reason = 99};
	uint8_t before[SERIAL_MAX] = {0};

	for (uint32_t i = 0; i < 100; i++)
		entries = JOIN(entries, revoked_entry(serial_of(i * 37 % 100 * 2), "260101000000Z",
						      reason_extension((uint8_t)(i % 6))));
	entries = JOIN(entries, revoked_entry(OCTETS("\x00\x80"), "250101000000Z", OCTETS("")));
	forged.revoked = revoked_list(entries);
	crl = forge_parsed_crl(&forged, root_key());
	cr_expect_eq(crl_count(crl), 102);
	for (uint32_t i = 0; i < 100; i++) {
		cr_expect(!find_revoked(crl, serial_of(2 * i + 1), &found));
		cr_assert(find_revoked(crl, serial_of(i * 37 % 100 * 2), &found), "%u", i);
		cr_expect_eq(found.revoked_at_s, 1767225600);
		cr_expect_eq(found.reason, (int)(i % 6));
	}
	cr_expect(find_revoked(crl, OCTETS("\x00\x80"), &found));
	cr_expect(find_revoked(crl, OCTETS("\x7f"), &found));
	cr_expect(!find_revoked(crl, OCTETS("\x80"), &found));
	cr_expect(!find_revoked(crl, OCTETS(""), &found));
	cr_expect(!find_revoked(crl, OCTETS("\x01"), &found));
	/* All of them, one after the other. */
	for (size_t i = 0; i < crl_count(crl); i++) {
		uint8_t serial[SERIAL_MAX];

		read_crl_entry(crl, i, serial, &found);
		cr_expect(memcmp(before, serial, SERIAL_MAX) < 0, "%zu", i);
		cr_expect(i > 0 || (serial[19] == 0x7f && found.reason == 0));
		cr_expect(i != 1 || (serial[18] == 0 && serial[19] == 0x80));
		memcpy(before, serial, SERIAL_MAX);
	}
}

/* catalogue 58: the number decides which CRL is older, at every length */
Test(crl, knows_the_older_of_two)
{
	static const struct {
		const char *number;
		size_t len;
		const char *this_update;
		const char *text;
	} rows[] = {
		{"\x00", 1, "260922000000Z", "0"},
		{"\x07", 1, "260920000000Z", "7"},
		{"\x07", 1, "260920000001Z", "7"},
		{"\x00\xff", 2, "260910000000Z", "255"},
		{"\x01\x00", 2, "260910000000Z", "256"},
		{"\x00\xff\xff\xff\xff\xff\xff\xff\xff", 9, "260910000000Z",
		 "18446744073709551615"},
		{"\x01\x00\x00\x00\x00\x00\x00\x00\x00", 9, "260910000000Z",
		 "0x010000000000000000"},
	};
	struct crl *crls[COUNT_OF(rows)];

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct forged_crl forged = forged_crl();
		struct bytes number = {(const uint8_t *)rows[i].number, rows[i].len};
		char text[CRL_NUMBER_TEXT_SIZE];

		forged.this_update = item(DER_UTC_TIME, bytes_of_string(rows[i].this_update));
		forged.extensions = crl_extensions_of(
			JOIN(authority_key_id("root"), crl_number_extension(number)));
		crls[i] = forge_parsed_crl(&forged, root_key());
		format_crl_number(crls[i], text);
		cr_expect_str_eq(text, rows[i].text);
	}
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		for (size_t j = 0; j < COUNT_OF(rows); j++)
			cr_expect_eq(older_crl(crls[i], crls[j]), i < j, "%zu, %zu", i, j);
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		free_crl(&crls[i]);
}

Test(crl, has_a_number_of_sixty_three_bits_at_most_if_it_is_ours)
{
	static const struct {
		const char *number;
		size_t len;
		uint64_t expected; /* 0: too large */
	} rows[] = {
		{"\x07", 1, 7},
		{"\x01\x00", 2, 256},
		{"\x7f\xff\xff\xff\xff\xff\xff\xff", 8, INT64_MAX},
		{"\x00\x80\x00\x00\x00\x00\x00\x00\x00", 9, 0},
		{"\x01\x00\x00\x00\x00\x00\x00\x00\x00", 9, 0},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct forged_crl forged = forged_crl();
		struct bytes number = {(const uint8_t *)rows[i].number, rows[i].len};
		CLEANUP(free_crl) struct crl *crl = NULL;
		uint64_t found = 0;

		forged.extensions = crl_extensions_of(
			JOIN(authority_key_id("root"), crl_number_extension(number)));
		crl = forge_parsed_crl(&forged, root_key());
		if (rows[i].expected == 0)
			REFUSED(get_crl_number(crl, &found, &fault), FAULT_TOO_LARGE,
				"at most 63 bits");
		else
			OK(get_crl_number(crl, &found, &fault));
		cr_expect_eq(found, rows[i].expected, "row %zu", i);
	}
}

Test(crl, reads_pem_as_well)
{
	struct forged_crl forged = forged_crl();
	CLEANUP(free_certificate) struct certificate *root = parsed_root();
	CLEANUP(clear_buffer) struct buffer pem = {0};
	CLEANUP(free_crl) struct crl *crl = NULL;
	struct verdict verdict = {0};

	OK(format_crl_pem(forge_crl(&forged, root_key()), &pem, &fault));
	OK(parse_crl(&pem, &crl, &fault));
	OK(verify_crl(crl, root, NOW_S, &verdict, &fault));
	cr_expect(!verdict.invalid, "%s", verdict.reason);
	cr_expect(names_issuer(crl, root));
	cr_expect_eq(crl_this_update(crl), NOW_S);
	cr_expect_eq(crl_next_update(crl), NOW_S + 86400);
}

/* catalogue 119: before its entries are read and sorted, a CRL says of nothing that it is good */
Test(crl, revokes_everything_before_its_entries_are_read)
{
	CLEANUP(free_crl) struct crl *crl = NULL;
	const struct forged_crl forged = forged_crl();
	struct bytes der = forge_crl(&forged, root_key());
	struct buffer content = {0};
	struct crl_revocation found = {0};

	append_bytes(&content, der);
	OK(parse_crl_fields(&content, &crl, &fault));
	cr_expect(find_revoked(crl, OCTETS("\x01"), &found));
	OK(index_crl(crl, &fault));
	cr_expect(!find_revoked(crl, OCTETS("\x01"), &found));
}
