#include "tests/unit/pool/revocation/crl_fixture.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

void open_source(struct crl_fixture *fixture, const char *location)
{
	free_crl_source(&fixture->source);
	OK(new_crl_source(&location, 1, NULL, &fixture->source, &fault));
}

void open_crl_fixture(struct crl_fixture *fixture)
{
	open_fixture(&fixture->base);
	make_certified_pool(&fixture->base, 0);
	fixture->certificate = first_certificate(&fixture->base);
	(void)snprintf(fixture->path, sizeof(fixture->path), "%s/ca.crl",
		       fixture->base.scratch.path);
	open_source(fixture, fixture->path);
}

void close_crl_fixture(struct crl_fixture *fixture)
{
	free_crl_source(&fixture->source);
	free_certificate(&fixture->certificate);
	close_fixture(&fixture->base);
}

struct crl_finding consult_for(struct crl_fixture *fixture, const struct certificate *issuer,
			       int64_t after_s)
{
	struct crl_finding finding;

	consult_crl(fixture->source, issuer, fixture->certificate, fixture->base.now_s + after_s,
		    &finding);
	return finding;
}

struct crl_finding consult(struct crl_fixture *fixture, int64_t after_s)
{
	return consult_for(fixture, issuer_certificate(fixture->base.issuer), after_s);
}

void expect_unknown(const struct crl_finding *finding, const char *why)
{
	cr_expect_eq(finding->status, CRL_UNKNOWN);
	cr_expect_eq(finding->problem.class, FAULT_UNREACHABLE);
	cr_expect_eq(strncmp(finding->problem.text,
			     "cannot tell whether the certificate is revoked: ", 48),
		     0, "%s", finding->problem.text);
	cr_expect_not_null(strstr(finding->problem.text, why), "expected %s, found %s", why,
			   finding->problem.text);
	cr_expect_not_null(strstr(finding->problem.text, "and try again"), "%s",
			   finding->problem.text);
}
