#include "common/ca/revocation/crl_cache.h"

#include "common/ca/store/revoke.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>

static struct ca_fixture fixture;
static struct ca_crl_options options;
static struct crl_cache cache;

static void set_up(void)
{
	make_ca(&fixture, NOW_S);
	options = authority_crl_options(fixture.authority);
	init_crl_cache(&cache, &options);
}

static void tear_down(void)
{
	clear_crl_cache(&cache);
	remove_ca(&fixture);
}

TestSuite(crl_cache, .init = set_up, .fini = tear_down);

static struct bytes get(int64_t now_s, struct shared_body **body, struct crl_info *info)
{
	OK(get_crl(&cache, now_s, body, info, &fault));
	return shared_octets(*body);
}

static void revoke_everything(void)
{
	const struct certificate_query everything = {0};
	const struct revocation revocation = {.query = &everything, .by = "ca", .now_s = NOW_S};
	struct revocation_summary summary;

	OK(revoke_certificates(authority_store(fixture.authority), &revocation, NULL, NULL,
			       &summary, &fault));
	cr_assert_eq(summary.revoked, 1);
}

/* catalogue 59: a body that was given before the revocation stays whole for its holder */
Test(crl_cache, gives_the_same_octets_until_something_is_revoked)
{
	struct shared_body *bodies[3] = {0};
	struct crl_info infos[3];
	struct certificate *certificate;

	certificate = certify_one(&fixture, NOW_S);
	(void)get(NOW_S, &bodies[0], &infos[0]);
	(void)get(NOW_S, &bodies[1], &infos[1]);
	cr_expect_eq(bodies[0], bodies[1]);
	cr_expect(infos[0].made && infos[0].number == 1);
	revoke_everything();
	cr_expect_gt(get(NOW_S, &bodies[2], &infos[2]).len, shared_octets(bodies[0]).len);
	cr_expect_eq(infos[2].number, 2);
	for (size_t i = 0; i < COUNT_OF(bodies); i++)
		release_shared_body(&bodies[i]);
	free_certificate(&certificate);
}

/* A verb makes CRLs too. */
Test(crl_cache, takes_a_crl_that_another_process_made)
{
	struct shared_body *body = NULL;
	struct crl_info info;
	struct crl_info other;

	(void)get(NOW_S, &body, &info);
	release_shared_body(&body);
	OK(publish_crl(&options, CRL_ANYWAY, NOW_S, &other, &fault));
	(void)get(NOW_S, &body, &info);
	cr_expect_eq(info.number, other.number);
	cr_expect(!info.made);
	release_shared_body(&body);
}

/* Clients that ask again and again do not cause more attempts. */
Test(crl_cache, remembers_for_a_while_why_there_is_none)
{
	const int64_t too_late_s = NOW_S + 11 * 365 * DAY_S;
	struct shared_body *body = NULL;
	struct crl_info info;
	struct fault first = {0};

	cr_expect_eq(get_crl(&cache, too_late_s, &body, &info, &first), -1);
	expect_fault(&first, FAULT_REFUSED, "no CRL is made: CN=Test Root is not valid");
	cr_expect_null(body);
	/* It could be made now, and is not tried. */
	cache.retry_from_us = INT64_MAX;
	REFUSED_AS(get_crl(&cache, NOW_S, &body, &info, &fault), FAULT_REFUSED, first.text);
	cache.retry_from_us = 0;
	OK(get_crl(&cache, NOW_S, &body, &info, &fault));
	cr_expect_eq(info.number, 1);
	release_shared_body(&body);
}
