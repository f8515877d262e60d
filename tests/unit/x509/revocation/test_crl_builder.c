#include "common/x509/revocation/crl_builder.h"

#include "common/x509/revocation/crl.h"
#include "tests/support/expect.h"
#include "tests/support/gnutls_objects.h"
#include "tests/unit/x509/revocation/forge_crl.h"

#include <criterion/criterion.h>
#include <gnutls/x509.h>
#include <string.h>

enum { NOW_S = FORGED_NOW_S };

static const struct crl_options terms = {
	.number = 7, .this_update_s = NOW_S, .next_update_s = NOW_S + 86400};

static struct issuer *make_issuer(enum key_type type)
{
	static const struct validity validity = {NOW_S - 300, NOW_S + 315360000};
	struct private_key *key = NULL;
	struct certificate *root = NULL;
	struct issuer *issuer = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};

	OK(generate_private_key(type, &key, &fault));
	OK(create_root(key, "CN=Root,O=Example", &validity, &der, &fault));
	OK(parse_certificate_der(bytes_of_buffer(&der), &root, &fault));
	OK(new_issuer(&root, &key, &issuer, &fault));
	return issuer;
}

/* Entry i of many, with ascending serials. */
static struct crl_entry entry_of(uint32_t i)
{
	struct crl_entry entry = {.revoked_at_s = NOW_S - 1000000 + (int64_t)i,
				  .reason = (int)(i % 6)};

	entry.serial[0] = 0x10;
	entry.serial[1] = (uint8_t)(i >> 16);
	entry.serial[2] = (uint8_t)(i >> 8);
	entry.serial[3] = (uint8_t)i;
	entry.serial[SERIAL_MAX - 1] = 0x77;
	return entry;
}

static struct buffer build(const struct issuer *issuer, uint32_t count)
{
	CLEANUP(clear_crl_builder) struct crl_builder builder = {0};
	struct buffer der = {0};

	OK(begin_crl(&builder, issuer, &terms, &fault));
	for (uint32_t i = 0; i < count; i++) {
		struct crl_entry entry = entry_of(i);

		OK(add_crl_entry(&builder, &entry, &fault));
	}
	cr_expect_eq(builder.count, count);
	OK(finish_crl(&builder, &der, &fault));
	cr_expect_null(builder.body.data);
	return der;
}

static struct crl *parse(struct buffer *der)
{
	struct crl *crl = NULL;

	OK(parse_crl(der, &crl, &fault));
	return crl;
}

/* catalogue 94, 97 */
Test(crl_builder, refuses_times_that_do_not_follow_each_other)
{
	static const struct crl_options rows[] = {
		{1, NOW_S, NOW_S, 0},
		{1, NOW_S, NOW_S - 1, 0},
		{1, -1, NOW_S, 0},
		{1, NOW_S, INT64_C(253402300800), 0},
	};
	CLEANUP(free_issuer) struct issuer *issuer = make_issuer(KEY_ECDSA_P256);

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct crl_builder builder = {0};

		REFUSED(begin_crl(&builder, issuer, &rows[i], &fault), FAULT_REFUSED,
			"thisUpdate before nextUpdate", "row %zu", i);
		cr_expect_null(builder.body.data);
	}
}

/* catalogue 58 */
Test(crl_builder, refuses_an_issuer_without_cRLSign)
{
	struct forged_certificate root = forged_root();
	struct certificate *certificate;
	struct private_key *key = NULL;
	CLEANUP(free_issuer) struct issuer *issuer = NULL;
	struct crl_builder builder = {0};

	OK(generate_private_key(KEY_ECDSA_P256, &key, &fault));
	root.spki = spki_of(key);
	root.extensions = extensions_of(JOIN(root_basic_constraints(),
					     extension(15, true, OCTETS("\x03\x02\x02\x04")),
					     subject_key_id("root")));
	certificate = forge_parsed(&root, key);
	OK(new_issuer(&certificate, &key, &issuer, &fault));
	REFUSED(begin_crl(&builder, issuer, &terms, &fault), FAULT_REFUSED,
		"does not allow cRLSign");
}

Test(crl_builder, refuses_entries_that_cannot_be)
{
	struct crl_entry rows[] = {entry_of(0), entry_of(0), entry_of(0), entry_of(0),
				   entry_of(0), entry_of(0), entry_of(0)};
	static const char *const reasons[COUNT_OF(rows)] = {
		"a positive number", "a positive number", "a reason",     "a reason",
		"a reason",          "a revocation",      "a revocation",
	};
	CLEANUP(free_issuer) struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	CLEANUP(clear_crl_builder) struct crl_builder builder = {0};

	memset(rows[0].serial, 0, SERIAL_MAX);
	rows[1].serial[0] = 0x80;
	rows[2].reason = 7;
	rows[3].reason = REASON_REMOVE_FROM_CRL;
	rows[4].reason = -1;
	rows[5].revoked_at_s = -1;
	rows[6].revoked_at_s = INT64_C(253402300800);
	OK(begin_crl(&builder, issuer, &terms, &fault));
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		REFUSED(add_crl_entry(&builder, &rows[i], &fault), FAULT_FAILED, reasons[i],
			"row %zu", i);
	cr_expect_eq(builder.count, 0);
}

Test(crl_builder, writes_no_list_when_nothing_is_revoked)
{
	CLEANUP(free_issuer) struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	CLEANUP(clear_buffer) struct buffer der = build(issuer, 0);
	CLEANUP(free_crl) struct crl *crl = parse(&der);
	struct verdict verdict = {0};

	OK(verify_crl(crl, issuer_certificate(issuer), NOW_S, &verdict, &fault));
	cr_expect(!verdict.invalid, "%s", verdict.reason);
	cr_expect_eq(crl_count(crl), 0);
}

Test(crl_builder, signs_with_each_type_of_key)
{
	static const enum key_type types[] = {KEY_ECDSA_P256, KEY_ECDSA_P384, KEY_ED25519,
					      KEY_RSA_2048};

	for (size_t i = 0; i < COUNT_OF(types); i++) {
		CLEANUP(free_issuer) struct issuer *issuer = make_issuer(types[i]);
		CLEANUP(clear_buffer) struct buffer der = build(issuer, 3);
		CLEANUP(free_crl) struct crl *crl = parse(&der);
		struct verdict verdict = {0};
		char number[CRL_NUMBER_TEXT_SIZE];

		OK(verify_crl(crl, issuer_certificate(issuer), NOW_S, &verdict, &fault));
		cr_expect(!verdict.invalid, "%s", verdict.reason);
		format_crl_number(crl, number);
		cr_expect_str_eq(number, "7");
		cr_expect_eq(crl_this_update(crl), NOW_S);
		cr_expect_eq(crl_next_update(crl), NOW_S + 86400);
	}
}

/* catalogue 95 */
Test(crl_builder, writes_times_as_the_standard_has_them)
{
	static const int64_t rows[] = {0,          946684799,  INT64_C(2147483648),  2524607999,
				       2524608000, 4102444800, INT64_C(253402300799)};
	CLEANUP(free_issuer) struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	CLEANUP(clear_crl_builder) struct crl_builder builder = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(free_crl) struct crl *crl = NULL;

	OK(begin_crl(&builder, issuer, &terms, &fault));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct crl_entry entry = entry_of((uint32_t)i);

		entry.revoked_at_s = rows[i];
		OK(add_crl_entry(&builder, &entry, &fault));
	}
	OK(finish_crl(&builder, &der, &fault));
	/* The reader refuses GeneralizedTime before 2050. */
	crl = parse(&der);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct crl_entry entry = entry_of((uint32_t)i);
		struct crl_revocation found = {0};

		cr_assert(find_revoked(crl, (struct bytes){entry.serial, SERIAL_MAX}, &found));
		cr_expect_eq(found.revoked_at_s, rows[i]);
	}
}

Test(crl_builder, writes_short_serials_without_zeros_in_front)
{
	CLEANUP(free_issuer) struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	CLEANUP(clear_crl_builder) struct crl_builder builder = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(free_crl) struct crl *crl = NULL;
	struct crl_entry entry = {.revoked_at_s = NOW_S};
	struct crl_revocation found = {0};

	OK(begin_crl(&builder, issuer, &terms, &fault));
	entry.serial[SERIAL_MAX - 1] = 0x12;
	OK(add_crl_entry(&builder, &entry, &fault));
	entry.serial[SERIAL_MAX - 1] = 0x80;
	OK(add_crl_entry(&builder, &entry, &fault));
	OK(finish_crl(&builder, &der, &fault));
	crl = parse(&der);
	cr_expect(find_revoked(crl, OCTETS("\x12"), &found));
	cr_expect(find_revoked(crl, OCTETS("\x00\x80"), &found));
	cr_expect_eq(found.reason, REASON_UNSPECIFIED);
}

static gnutls_x509_crl_t read_by_gnutls(const struct issuer *issuer, const struct buffer *der)
{
	gnutls_datum_t data = {der->data, (unsigned int)der->len};
	gnutls_x509_crt_t handle = gnutls_crt_of(certificate_der(issuer_certificate(issuer)));
	gnutls_x509_crl_t crl;
	unsigned int status = 0;

	cr_assert_eq(gnutls_x509_crl_init(&crl), 0);
	cr_assert_eq(gnutls_x509_crl_import(crl, &data, GNUTLS_X509_FMT_DER), 0);
	cr_expect_eq(gnutls_x509_crl_get_version(crl), 2);
	cr_assert_eq(gnutls_x509_crl_verify(crl, &handle, 1, 0, &status), 0);
	/* The CRL is not for today, and GnuTLS compares it with its own clock. */
	status &= GNUTLS_CERT_SIGNATURE_FAILURE | GNUTLS_CERT_SIGNER_NOT_FOUND |
		  GNUTLS_CERT_SIGNER_NOT_CA | GNUTLS_CERT_INSECURE_ALGORITHM |
		  GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE;
	cr_expect_eq(status, 0, "%x", status);
	cr_expect_eq(gnutls_x509_crl_get_this_update(crl), NOW_S);
	cr_expect_eq(gnutls_x509_crl_get_next_update(crl), NOW_S + 86400);
	gnutls_x509_crt_deinit(handle);
	return crl;
}

/* catalogue 58: GnuTLS reads the same entries. Its reader is quadratic: a minute for 40,000. */
Test(crl_builder, is_read_by_gnutls)
{
	enum { COUNT = 300 };
	CLEANUP(free_issuer) struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	CLEANUP(clear_buffer) struct buffer der = build(issuer, COUNT);
	gnutls_x509_crl_t crl = read_by_gnutls(issuer, &der);
	gnutls_x509_crl_iter_t iterator = NULL;
	uint32_t count = 0;

	for (;; count++) {
		struct crl_entry expected = entry_of(count);
		unsigned char serial[SERIAL_MAX];
		size_t serial_len = sizeof(serial);
		time_t revoked_at_s;

		if (gnutls_x509_crl_iter_crt_serial(crl, &iterator, serial, &serial_len,
						    &revoked_at_s) < 0)
			break;
		cr_assert_eq(serial_len, (size_t)SERIAL_MAX);
		cr_assert_eq(memcmp(serial, expected.serial, SERIAL_MAX), 0);
		cr_assert_eq(revoked_at_s, expected.revoked_at_s);
	}
	cr_expect_eq(count, COUNT);
	gnutls_x509_crl_iter_deinit(iterator);
	gnutls_x509_crl_deinit(crl);
}

/* catalogue 58: look-ups cost no scan, so this takes no longer than reading the entries */
Test(crl_builder, makes_a_hundred_thousand_entries_that_are_found_again)
{
	enum { COUNT = 100000 };
	CLEANUP(free_issuer) struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	CLEANUP(clear_buffer) struct buffer der = build(issuer, COUNT);
	CLEANUP(free_crl) struct crl *crl = parse(&der);

	cr_expect_eq(crl_count(crl), COUNT);
	for (uint32_t i = 0; i < COUNT; i++) {
		struct crl_entry entry = entry_of(i);
		struct bytes serial = {entry.serial, SERIAL_MAX};
		struct crl_revocation found = {0};

		cr_assert(find_revoked(crl, serial, &found), "%u", i);
		cr_assert_eq(found.revoked_at_s, entry.revoked_at_s);
		cr_assert_eq(found.reason, entry.reason);
		entry.serial[SERIAL_MAX - 1]++;
		cr_assert(!find_revoked(crl, serial, &found), "%u", i);
	}
}
