#include "common/ca/revocation/crl_cache.h"

#include "common/ca/store/driver.h"
#include "common/ca/store/revoke.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <unistd.h>

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

static struct bytes get(struct shared_body **body, struct crl_info *info)
{
	OK(get_crl(&cache, NOW_S, body, info, &fault));
	return shared_octets(*body);
}

static struct crl_info renew(int64_t now_s)
{
	struct crl_info info;

	OK(renew_crl(&cache, now_s, &info, &fault));
	return info;
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
Test(crl_cache, gives_the_same_octets_until_there_is_another_crl)
{
	struct shared_body *bodies[3] = {0};
	struct crl_info infos[3];
	struct certificate *certificate;

	certificate = certify_one(&fixture, NOW_S);
	cr_expect(renew(NOW_S).made);
	(void)get(&bodies[0], &infos[0]);
	revoke_everything();
	(void)get(&bodies[1], &infos[1]);
	cr_expect_eq(bodies[0], bodies[1], "whoever asks makes none");
	cr_expect_eq(infos[1].number, 1);
	cache.made_us -= CRL_PACE_S * INT64_C(1000000);
	cr_expect(renew(NOW_S).made);
	cr_expect_gt(get(&bodies[2], &infos[2]).len, shared_octets(bodies[0]).len);
	cr_expect_eq(infos[2].number, 2);
	for (size_t i = 0; i < COUNT_OF(bodies); i++)
		release_shared_body(&bodies[i]);
	free_certificate(&certificate);
}

/* catalogue 114: whatever the clock says. Nobody asked for one before. */
Test(crl_cache, makes_one_for_revocations_in_ten_seconds_at_most)
{
	const int64_t times_s[] = {NOW_S, NOW_S + DAY_S / 2, NOW_S - 100};
	struct certificate *certificate = certify_one(&fixture, NOW_S);

	cr_expect(renew(NOW_S).made);
	revoke_everything();
	for (size_t i = 0; i < COUNT_OF(times_s); i++)
		cr_expect_not(renew(times_s[i]).made, "row %zu", i);
	cache.made_us -= CRL_PACE_S * INT64_C(1000000);
	cr_expect(renew(NOW_S).made);
	/* What is too old or lost does not wait. */
	cr_expect(renew(NOW_S + DAY_S).made);
	cr_assert_eq(unlinkat(fixture.layout->cert, CRL_FILE, 0), 0);
	cr_expect(renew(NOW_S + DAY_S).made);
	free_certificate(&certificate);
}

/* In a tenth of the time at most: the other front ends wait for it. */
Test(crl_cache, makes_more_for_revocations_in_a_shared_record)
{
	const int64_t hour_us = INT64_C(3600) * 1000000;
	struct certificate *certificate = certify_one(&fixture, NOW_S);

	options.store->shared = true;
	cr_expect(renew(NOW_S).made);
	cr_expect_gt(cache.pace_us, 0);
	cr_expect_leq(cache.pace_us, CRL_PACE_S * INT64_C(1000000));
	revoke_everything();
	cache.made_us += hour_us;
	cr_expect_not(renew(NOW_S).made);
	cache.made_us -= hour_us + cache.pace_us;
	cr_expect(renew(NOW_S).made);
	free_certificate(&certificate);
}

/* catalogue 59, 90: a verb that revokes makes a CRL before it returns. */
Test(crl_cache, takes_a_crl_that_another_process_made_at_once)
{
	struct shared_body *body = NULL;
	struct crl_info info;
	struct crl_info other;

	(void)renew(NOW_S);
	(void)get(&body, &info);
	release_shared_body(&body);
	OK(publish_crl(&options, CRL_ANYWAY, NOW_S, &other, &fault));
	(void)get(&body, &info);
	cr_expect_eq(info.number, other.number);
	release_shared_body(&body);
}

Test(crl_cache, has_none_before_the_first_was_made)
{
	struct shared_body *body = NULL;
	struct crl_info info;

	REFUSED(get_crl(&cache, NOW_S, &body, &info, &fault), FAULT_BUSY, "there is no CRL yet");
	cr_expect_null(body);
}

/* The CRL that stands may lack what was revoked since. */
Test(crl_cache, gives_none_while_another_is_due_and_cannot_be_made)
{
	const int64_t too_late_s = NOW_S + 11 * 365 * DAY_S;
	struct shared_body *body = NULL;
	struct crl_info info;
	struct fault first = {0};

	(void)renew(NOW_S);
	cr_expect_eq(renew_crl(&cache, too_late_s, &info, &first), -1);
	expect_fault(&first, FAULT_REFUSED, "no CRL is made: CN=Test Root is not valid");
	REFUSED_AS(get_crl(&cache, NOW_S, &body, &info, &fault), FAULT_REFUSED, first.text);
	cr_expect_null(body);
	(void)renew(NOW_S);
	(void)get(&body, &info);
	cr_expect_eq(info.number, 1);
	release_shared_body(&body);
}

/* catalogue 113: of earlier CRLs only a few are kept for those who still read them */
Test(crl_cache, ends_the_readers_of_the_oldest)
{
	struct shared_body *readers[RETIRED_BODIES_MAX + 2] = {0};
	struct crl_info info;

	for (size_t i = 0; i < COUNT_OF(readers); i++) {
		OK(publish_crl(&options, CRL_ANYWAY, NOW_S, &info, &fault));
		(void)get(&readers[i], &info);
	}
	for (size_t i = 0; i < COUNT_OF(readers); i++) {
		cr_expect_eq(is_withdrawn(readers[i]), i == 0, "reader %zu", i);
		release_shared_body(&readers[i]);
	}
	(void)get(&readers[0], &info);
	cr_expect_eq(cache.retired.count, 0, "nobody reads them any more");
	release_shared_body(&readers[0]);
}
