#include "common/pool/revocation/crl_source.h"

#include "common/x509/revocation/crl_builder.h"
#include "tests/support/expect.h"
#include "tests/unit/pool/revocation/crl_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct crl_fixture fixture;

static void set_up(void)
{
	open_crl_fixture(&fixture);
}

static void tear_down(void)
{
	close_crl_fixture(&fixture);
}

TestSuite(crl_source, .init = set_up, .fini = tear_down);

static void replace_file(struct bytes content)
{
	(void)remove(fixture.path);
	put_bytes(fixture.base.scratch.dirfd, "ca.crl", content, 0644);
}

static void put_crl(const struct issuer *issuer, uint64_t number, bool revoked)
{
	struct bytes serial = revoked ? certificate_serial(fixture.certificate) : (struct bytes){0};
	CLEANUP(clear_buffer)
	struct buffer der = make_crl(&fixture.base, issuer, number, serial);

	replace_file(bytes_of_buffer(&der));
}

/* catalogue 56 */
Test(crl_source, cannot_tell_without_a_crl)
{
	static const struct {
		const char *content; /* NULL: there is no file */
		const char *why;
	} rows[] = {
		{NULL, "ca.crl"},
		{"", "neither DER nor PEM"},
		{"<html>", "neither DER nor PEM"},
		{"0\x03\x02\x01", "not DER"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct crl_finding finding;

		tear_down();
		set_up();
		if (rows[i].content != NULL)
			replace_file(bytes_of_string(rows[i].content));
		for (int again = 0; again < 2; again++) {
			finding = consult(&fixture, 0);
			expect_unknown(&finding, rows[i].why);
			cr_expect_str_eq(finding.number, "");
		}
	}
}

/* catalogue 58 */
Test(crl_source, cannot_tell_from_another_issuers_crl)
{
	struct crl_finding finding;

	put_crl(fixture.base.other_issuer, 1, false);
	finding = consult(&fixture, 0);
	expect_unknown(&finding, "expected the CRL of the certificate's issuer");
	/* The right one is taken as soon as it is there. */
	put_crl(fixture.base.issuer, 1, false);
	finding = consult(&fixture, 0);
	cr_expect_eq(finding.status, CRL_GOOD);
}

/* Name and key identifier can be copied: only the signature says whose a CRL is. */
Test(crl_source, cannot_tell_from_the_crl_of_an_issuer_of_the_same_name_and_key_identifier)
{
	CLEANUP(free_issuer) struct issuer *twin = NULL;
	const struct certificate *twin_certificate;
	struct crl_finding finding;

	twin = make_twin_issuer(fixture.base.issuer);
	twin_certificate = issuer_certificate(twin);
	put_crl(twin, 1, false);
	finding = consult(&fixture, 0);
	expect_unknown(&finding, "signature");
	put_crl(fixture.base.issuer, 1, false);
	finding = consult(&fixture, 0);
	cr_expect_eq(finding.status, CRL_GOOD);
	/* The CRL that was verified with the issuer's key does not count for its twin. */
	finding = consult_for(&fixture, twin_certificate, 0);
	expect_unknown(&finding, "expected the CRL of the certificate's issuer");
	/* Nor does the twin's next CRL replace it: it counts for the twin alone. */
	put_crl(twin, 2, true);
	finding = consult_for(&fixture, twin_certificate, 0);
	cr_expect_eq(finding.status, CRL_REVOKED);
	finding = consult(&fixture, 0);
	cr_expect_eq(finding.status, CRL_GOOD);
	cr_expect_str_eq(finding.number, "1");
}

/* catalogue 58 */
Test(crl_source, cannot_tell_from_a_crl_that_was_changed)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct crl_finding finding;
	uint8_t *serial;

	der = make_crl(&fixture.base, fixture.base.issuer, 1,
		       certificate_serial(fixture.certificate));
	serial =
		memmem(der.data, der.len, certificate_serial(fixture.certificate).data, SERIAL_MAX);
	cr_assert_not_null(serial);
	serial[SERIAL_MAX - 1] ^= 1;
	replace_file(bytes_of_buffer(&der));
	for (int again = 0; again < 2; again++) {
		finding = consult(&fixture, 0);
		expect_unknown(&finding, "signature");
	}
}

/* catalogue 119: entries that nobody has signed are not read */
Test(crl_source, looks_at_the_signature_before_the_entries)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct crl_finding finding;
	uint8_t *serial;

	der = make_crl(&fixture.base, fixture.base.issuer, 1,
		       certificate_serial(fixture.certificate));
	serial =
		memmem(der.data, der.len, certificate_serial(fixture.certificate).data, SERIAL_MAX);
	cr_assert_not_null(serial);
	/* No INTEGER any more. */
	serial[-2] = 0x04;
	replace_file(bytes_of_buffer(&der));
	finding = consult(&fixture, 0);
	expect_unknown(&finding, "signature");
	cr_expect_null(strstr(finding.problem.text, "entry"), "%s", finding.problem.text);
}

/* catalogue 58, 97 */
Test(crl_source, cannot_tell_from_a_crl_that_is_not_current)
{
	struct crl_finding finding;

	put_crl(fixture.base.issuer, 1, false);
	finding = consult(&fixture, 3601);
	expect_unknown(&finding, "out of date");
	cr_expect_str_eq(finding.number, "1");
	finding = consult(&fixture, -301);
	expect_unknown(&finding, "not in the future");
	finding = consult(&fixture, 3600);
	cr_expect_eq(finding.status, CRL_GOOD);
	/* That there is no new one is part of the reason. */
	cr_assert_eq(remove(fixture.path), 0);
	finding = consult(&fixture, 3601);
	expect_unknown(&finding, "out of date");
	expect_unknown(&finding, "ca.crl");
}

Test(crl_source, says_when_and_why_a_certificate_was_revoked)
{
	struct crl_finding finding;

	put_crl(fixture.base.issuer, 9, true);
	finding = consult(&fixture, 0);
	cr_expect_eq(finding.status, CRL_REVOKED);
	cr_expect_eq(finding.revoked_at_s, 1767225600);
	cr_expect_eq(finding.reason, REASON_KEY_COMPROMISE);
	cr_expect_str_eq(finding.number, "9");
	cr_expect_eq(finding.next_update_s, fixture.base.now_s + 3600);
}

/* A revocation counts as soon as the file is replaced. */
Test(crl_source, reads_a_file_that_has_changed)
{
	struct crl_finding finding;

	put_crl(fixture.base.issuer, 1, false);
	finding = consult(&fixture, 0);
	cr_expect_eq(finding.status, CRL_GOOD);
	put_crl(fixture.base.issuer, 2, true);
	finding = consult(&fixture, 0);
	cr_expect_eq(finding.status, CRL_REVOKED);
	cr_expect_str_eq(finding.number, "2");
}

/* catalogue 58, 60: replaying an old CRL does not undo a revocation */
Test(crl_source, never_goes_back_to_an_older_crl)
{
	struct crl_finding finding;

	put_crl(fixture.base.issuer, 300, true);
	finding = consult(&fixture, 0);
	cr_expect_eq(finding.status, CRL_REVOKED);
	put_crl(fixture.base.issuer, 299, false);
	finding = consult(&fixture, 0);
	cr_expect_eq(finding.status, CRL_REVOKED);
	cr_expect_str_eq(finding.number, "300");
	finding = consult(&fixture, 3601);
	expect_unknown(&finding, "299 is older than the CRL that was there before, number 300");
}

static void append_crl(struct buffer *pem, const struct issuer *issuer, uint64_t number,
		       struct bytes revoked)
{
	CLEANUP(clear_buffer)
	struct buffer der = make_crl(&fixture.base, issuer, number, revoked);
	CLEANUP(clear_buffer) struct buffer block = {0};

	OK(format_crl_pem(bytes_of_buffer(&der), &block, &fault));
	append_bytes(pem, bytes_of_buffer(&block));
}

/* catalogue 126: the CRLs of all CAs of a path in one file, in any order */
Test(crl_source, finds_the_issuers_crl_among_several_in_one_file)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct crl_finding finding;

	append_crl(&pem, fixture.base.other_issuer, 5, (struct bytes){0});
	append_crl(&pem, fixture.base.issuer, 7, certificate_serial(fixture.certificate));
	replace_file(bytes_of_buffer(&pem));
	finding = consult(&fixture, 0);
	cr_expect_eq(finding.status, CRL_REVOKED);
	cr_expect_str_eq(finding.number, "7");
	finding = consult_for(&fixture, issuer_certificate(fixture.base.other_issuer), 0);
	cr_expect_eq(finding.status, CRL_GOOD, "%s", finding.problem.text);
	cr_expect_str_eq(finding.number, "5");
	/* One of them that cannot be read makes the whole file suspect. */
	append_string(&pem, "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n");
	tear_down();
	set_up();
	replace_file(bytes_of_buffer(&pem));
	finding = consult(&fixture, 0);
	expect_unknown(&finding, "number 3: ");
}

/* catalogue 126: likewise in a file each; each issuer's CRL never goes back */
Test(crl_source, finds_the_issuers_crl_among_several_files)
{
	char other_path[sizeof(fixture.path) + 8];
	const char *const locations[] = {other_path, fixture.path};
	CLEANUP(clear_buffer) struct buffer other = {0};
	struct crl_finding finding;

	(void)snprintf(other_path, sizeof(other_path), "%s/other.crl", fixture.base.scratch.path);
	free_crl_source(&fixture.source);
	OK(new_crl_source(locations, COUNT_OF(locations), NULL, &fixture.source, &fault));
	other = make_crl(&fixture.base, fixture.base.other_issuer, 5, (struct bytes){0});
	put_bytes(fixture.base.scratch.dirfd, "other.crl", bytes_of_buffer(&other), 0644);
	finding = consult(&fixture, 0);
	expect_unknown(&finding, "other.crl and the others: expected the CRL of the certificate's");
	expect_unknown(&finding, "ca.crl: ");
	put_crl(fixture.base.issuer, 300, true);
	finding = consult(&fixture, 0);
	cr_expect_eq(finding.status, CRL_REVOKED);
	finding = consult_for(&fixture, issuer_certificate(fixture.base.other_issuer), 0);
	cr_expect_eq(finding.status, CRL_GOOD, "%s", finding.problem.text);
	put_crl(fixture.base.issuer, 299, false);
	finding = consult(&fixture, 0);
	cr_expect_eq(finding.status, CRL_REVOKED);
}

Test(crl_source, refuses_more_locations_than_it_can_hold)
{
	const char *locations[CRL_LOCATIONS_MAX + 1];
	struct crl_source *source = NULL;

	for (size_t i = 0; i < COUNT_OF(locations); i++)
		locations[i] = "ca.crl";
	REFUSED(new_crl_source(locations, COUNT_OF(locations), NULL, &source, &fault), FAULT_USAGE,
		"at most 8 files and URLs of CRLs, found 9");
}

/* A file that is not a CRL, or not the issuer's, does not displace a current CRL. */
Test(crl_source, keeps_the_current_crl_when_a_new_one_is_rejected)
{
	struct crl_finding finding;

	put_crl(fixture.base.issuer, 1, true);
	finding = consult(&fixture, 0);
	cr_expect_eq(finding.status, CRL_REVOKED);
	replace_file(bytes_of_string("nonsense"));
	finding = consult(&fixture, 0);
	cr_expect_eq(finding.status, CRL_REVOKED);
	put_crl(fixture.base.other_issuer, 2, false);
	finding = consult(&fixture, 0);
	cr_expect_eq(finding.status, CRL_REVOKED);
	cr_assert_eq(remove(fixture.path), 0);
	finding = consult(&fixture, 0);
	cr_expect_eq(finding.status, CRL_REVOKED);
}

Test(crl_source, is_used_like_this)
{
	struct crl_finding finding;

	/* set_up has called new_crl_source with the path of ca.crl. */
	put_crl(fixture.base.issuer, 1, false);
	consult_crl(fixture.source, issuer_certificate(fixture.base.issuer), fixture.certificate,
		    fixture.base.now_s, &finding);
	cr_assert_eq(finding.status, CRL_GOOD, "%s", finding.problem.text);

	/* The CA revokes the certificate, and its next CRL says so. */
	put_crl(fixture.base.issuer, 2, true);
	consult_crl(fixture.source, issuer_certificate(fixture.base.issuer), fixture.certificate,
		    fixture.base.now_s, &finding);
	cr_assert_eq(finding.status, CRL_REVOKED);
}
