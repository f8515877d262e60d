#include "common/ca/issue/new_root.h"

#include "common/x509/chain.h"
#include "common/x509/pem.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <string.h>

/* A place, in whose layout is logged what these roots sign. */
static struct ca_fixture ca;
static struct root_rotation rotation;

enum { YEAR_S = 365 * 86400 };

static void set_up(void)
{
	make_ca_place(&ca);
	rotation = (struct root_rotation){
		.layout = ca.layout, .ca = &ca.manifest->ca, .access = &ca.access, .now_s = NOW_S};
}

static void tear_down(void)
{
	remove_ca(&ca);
}

TestSuite(new_root, .init = set_up, .fini = tear_down);

/* A root of that name and end, which can sign. */
static struct issuer *make_issuer(const char *subject, int64_t end_s)
{
	const struct validity validity = {NOW_S - DAY_S, end_s};
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(free_certificate) struct certificate *root = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct issuer *issuer = NULL;

	OK(create_root(key, subject, &validity, &der, &fault));
	OK(parse_certificate_der(bytes_of_buffer(&der), &root, &fault));
	OK(new_issuer(&root, &key, &issuer, &fault));
	return issuer;
}

/* The next root of one with that name. */
static struct certificate *make_next(const char *subject)
{
	CLEANUP(free_issuer) struct issuer *present = make_issuer(subject, NOW_S + YEAR_S);
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct certificate *next = NULL;

	OK(create_next_root(&rotation, ca.layout, issuer_certificate(present), key, &der, &fault));
	OK(parse_certificate_der(bytes_of_buffer(&der), &next, &fault));
	return next;
}

/* RFC 5280 section 4.2.1.1: verifiers find an issuer by its name. */
Test(new_root, has_the_name_of_the_one_before_with_the_next_number)
{
	static const struct {
		const char *present;
		const char *number;
		const char *rest;
	} rows[] = {
		{"CN=Root", "serialNumber=2", "CN=Root"},
		{"CN=Root,serialNumber=2", "serialNumber=3", "CN=Root"},
		{"CN=Root,serialNumber=9", "serialNumber=10", "CN=Root"},
		{"CN=Root,serialNumber=41,O=Acme", "serialNumber=42", "O=Acme"},
		{"serialNumber=7,CN=Root", "serialNumber=8", "CN=Root"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(free_certificate) struct certificate *next = make_next(rows[i].present);
		const char *subject = certificate_subject(next);
		const char *number = strstr(subject, "serialNumber=");

		cr_assert_not_null(number, "%s", subject);
		cr_expect_eq(strncmp(number, rows[i].number, strlen(rows[i].number)), 0, "%s",
			     subject);
		cr_expect_null(strstr(number + 1, "serialNumber="), "%s", subject);
		cr_expect_not_null(strstr(subject, rows[i].rest), "%s", subject);
		cr_expect_str_eq(certificate_issuer(next), subject);
		cr_expect_eq(certificate_not_after(next), NOW_S + ca.manifest->ca.validity_s);
	}
	cr_expect_eq(count_signed(&ca, SIGNED_AUTHORITY), COUNT_OF(rows), "in the log");
}

static struct certificate *make_below(const struct issuer *above, const struct certificate *below,
				      int64_t end_s)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct certificate *made = NULL;

	OK(certify_below(&rotation, ca.layout, above, below, end_s, &der, &fault));
	OK(parse_certificate_der(bytes_of_buffer(&der), &made, &fault));
	return made;
}

Test(new_root, certifies_nothing_for_longer_than_it_is_valid_itself)
{
	CLEANUP(free_issuer) struct issuer *above = make_issuer("CN=A", NOW_S + YEAR_S);
	CLEANUP(free_issuer) struct issuer *below = make_issuer("CN=B", NOW_S + 9 * YEAR_S);
	CLEANUP(free_certificate)
	struct certificate *cut = make_below(above, issuer_certificate(below), NOW_S + 9 * YEAR_S);
	CLEANUP(free_certificate)
	struct certificate *whole = make_below(above, issuer_certificate(below), NOW_S + DAY_S);

	cr_expect_eq(certificate_not_after(cut), NOW_S + YEAR_S);
	cr_expect_eq(certificate_not_after(whole), NOW_S + DAY_S);
	cr_expect_eq(count_signed(&ca, SIGNED_AUTHORITY), 2);
}

/* Expects a certificate for the name and key of `below`, by `above`. */
static void expect_cross(const struct certificate *cross, const struct issuer *above,
			 const struct issuer *below)
{
	struct verdict verdict = {0};

	OK(verify_intermediate(issuer_certificate(above), cross, &verdict, &fault));
	cr_expect(!verdict.invalid, "%s", verdict.reason);
	cr_expect_str_eq(certificate_subject(cross),
			 certificate_subject(issuer_certificate(below)));
	cr_expect_eq(certificate_not_after(cross),
		     certificate_not_after(issuer_certificate(below)));
}

Test(new_root, and_the_present_one_certify_each_other)
{
	CLEANUP(free_issuer) struct issuer *present = make_issuer("CN=A", NOW_S + 9 * YEAR_S);
	CLEANUP(free_issuer)
	struct issuer *next = make_issuer("CN=A,serialNumber=2", NOW_S + 9 * YEAR_S);
	CLEANUP(free_certificate) struct certificate *by_present = NULL;
	CLEANUP(free_certificate) struct certificate *by_next = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(clear_buffer) struct buffer pems = {0};
	const char *second;

	OK(make_cross_pair(&rotation, ca.layout, present, next, &der, &pems, &fault));
	OK(parse_certificate_der(bytes_of_buffer(&der), &by_present, &fault));
	expect_cross(by_present, present, next);
	append_string(&pems, "");
	second = strstr((const char *)pems.data + 1, "-----BEGIN CERTIFICATE-----");
	cr_assert_not_null(second);
	OK(parse_certificate_pem(bytes_of_string(second), &by_next, &fault));
	expect_cross(by_next, next, present);
}
