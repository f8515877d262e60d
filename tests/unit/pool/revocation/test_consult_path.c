#include "common/pool/revocation/consult_path.h"

#include "common/x509/revocation/crl_bundle.h"
#include "tests/support/expect.h"
#include "tests/unit/pool/fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A member below an issuing CA below the root, and the file of their CRLs. */
static struct fixture base;
static struct issuer *issuing;
static struct certificate *member;
static struct path path;
static char file[sizeof(base.scratch.path) + 16];
static struct crl_source *source;

static void set_up(void)
{
	const char *location = file;

	open_fixture(&base);
	make_certified_pool(&base, 0);
	member = first_certificate(&base);
	issuing = make_intermediate_issuer(base.issuer, "CN=Issuing CA", base.now_s);
	/* Looked up alone, it need not be signed by the issuing CA. */
	path = (struct path){
		.steps = {member, issuer_certificate(issuing), issuer_certificate(base.issuer)},
		.count = 3};
	(void)snprintf(file, sizeof(file), "%s/chain.crl", base.scratch.path);
	OK(new_crl_source(&location, 1, NULL, &source, &fault));
}

static void tear_down(void)
{
	free_crl_source(&source);
	free_issuer(&issuing);
	free_certificate(&member);
	close_fixture(&base);
}

TestSuite(consult_path, .init = set_up, .fini = tear_down);

enum issuers { ROOT = 1, ISSUING = 2 };

/* Writes the CRLs of these issuers, on which the certificates of those are revoked. */
static void put_crls(unsigned int number, unsigned int present, unsigned int revoked)
{
	const struct bytes none = {0};
	CLEANUP(clear_buffer)
	struct buffer root_der = make_crl(
		&base, base.issuer, number,
		(revoked & ROOT) != 0 ? certificate_serial(issuer_certificate(issuing)) : none);
	CLEANUP(clear_buffer)
	struct buffer issuing_der =
		make_crl(&base, issuing, number,
			 (revoked & ISSUING) != 0 ? certificate_serial(member) : none);
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct bytes ders[2];
	size_t count = 0;

	if ((present & ROOT) != 0)
		ders[count++] = bytes_of_buffer(&root_der);
	if ((present & ISSUING) != 0)
		ders[count++] = bytes_of_buffer(&issuing_der);
	OK(format_crl_bundle(ders, count, &pem, &fault));
	(void)unlink(file);
	put_bytes(base.scratch.dirfd, "chain.crl", bytes_of_buffer(&pem), 0644);
}

/* catalogue 126 */
Test(consult_path, finds_the_worst_of_all_certificates_below_the_root)
{
	static const struct {
		unsigned int present;
		unsigned int revoked;
		enum crl_status status;
		size_t step;
	} rows[] = {
		{ROOT | ISSUING, 0, CRL_GOOD, 0},
		{ROOT | ISSUING, ISSUING, CRL_REVOKED, 0},
		{ROOT | ISSUING, ROOT, CRL_REVOKED, 1},
		{ROOT | ISSUING, ROOT | ISSUING, CRL_REVOKED, 0},
		{ISSUING, 0, CRL_UNKNOWN, 1},
		{ISSUING, ISSUING, CRL_REVOKED, 0},
		{ROOT, 0, CRL_UNKNOWN, 0},
		/* That the member's is unknown does not hide that its CA is revoked. */
		{ROOT, ROOT, CRL_REVOKED, 1},
	};

	for (unsigned int i = 0; i < COUNT_OF(rows); i++) {
		struct crl_finding finding;
		struct verdict verdict = {0};

		tear_down();
		set_up();
		put_crls(1, rows[i].present, rows[i].revoked);
		consult_path(source, &path, base.now_s, &finding);
		cr_expect_eq(finding.status, rows[i].status, "row %u: %s", i, finding.problem.text);
		cr_expect_eq(finding.step, rows[i].step, "row %u: %zu", i, finding.step);
		cr_expect_eq(finding.certificate, path.steps[rows[i].step], "row %u", i);
		check_path_status(source, &path, base.now_s, &verdict);
		cr_expect_eq(verdict.invalid, rows[i].status != CRL_GOOD, "row %u", i);
	}
}

/* catalogue 126 */
Test(consult_path, says_which_certificate_is_revoked_or_unknown)
{
	static const struct {
		unsigned int present;
		unsigned int revoked;
		const char *reason;
	} rows[] = {
		{ROOT | ISSUING, ISSUING,
		 "CRL number 9: the certificate was revoked at 2026-01-01T00:00:00Z "
		 "(keyCompromise)"},
		{ROOT | ISSUING, ROOT,
		 "CRL number 9: the intermediate CN=Issuing CA was revoked at "
		 "2026-01-01T00:00:00Z (keyCompromise)"},
		{ROOT, 0, "cannot tell whether the certificate is revoked: "},
		{ISSUING, 0,
		 "the intermediate CN=Issuing CA: cannot tell whether the certificate is "
		 "revoked: "},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct verdict verdict = {0};

		tear_down();
		set_up();
		put_crls(9, rows[i].present, rows[i].revoked);
		check_path_status(source, &path, base.now_s, &verdict);
		cr_expect_eq(strncmp(verdict.reason, rows[i].reason, strlen(rows[i].reason)), 0,
			     "row %zu: %s", i, verdict.reason);
	}
}

/* A revocation counts with the next look at the file, for each issuer by itself. */
Test(consult_path, follows_the_crls_of_each_issuer)
{
	struct crl_finding finding;

	put_crls(1, ROOT | ISSUING, 0);
	consult_path(source, &path, base.now_s, &finding);
	cr_expect_eq(finding.status, CRL_GOOD, "%s", finding.problem.text);
	put_crls(2, ROOT, ROOT);
	consult_path(source, &path, base.now_s, &finding);
	cr_expect_eq(finding.status, CRL_REVOKED);
	cr_expect_eq(finding.step, (size_t)1);
	/* An older file undoes nothing. */
	put_crls(1, ROOT | ISSUING, 0);
	consult_path(source, &path, base.now_s, &finding);
	cr_expect_eq(finding.status, CRL_REVOKED);
}
