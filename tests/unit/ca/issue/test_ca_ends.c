#include "common/ca/issue/ca_ends.h"

#include "common/ca/issue/authority.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>

enum { VALIDITY_S = 90 * 86400 };

static struct ca_fixture ca;

static void make(void)
{
	make_ca_place(&ca);
	lay_root_apart(&ca);
}

static void make_apart(void)
{
	struct authority_made made;

	make();
	OK(init_ca(&ca, NOW_S, &made, &fault));
	OK(open_ca(&ca, NOW_S, &fault));
}

static void remove_it(void)
{
	remove_ca(&ca);
}

static void expect_warnings(const struct ca_ends *ends, int64_t day, size_t count,
			    const char *const *texts)
{
	struct ca_warnings warnings;

	warn_of_ends(ends, NOW_S + day * DAY_S, &warnings);
	cr_assert_eq(warnings.count, count, "day %lld: %zu, %s", (long long)day, warnings.count,
		     warnings.texts[0]);
	for (size_t i = 0; i < count; i++)
		cr_expect_str_eq(warnings.texts[i], texts[i]);
}

TestSuite(ca_ends, .init = make_apart, .fini = remove_it);

/* An issuing certificate for 5 years (1,825 days) below a root for 10. */
Test(ca_ends, warns_from_the_last_third_on)
{
	static const struct {
		int64_t day;
		size_t count;
		const char *texts[CA_WARNINGS_MAX];
	} rows[] = {
		{0, 0, {0}},
		{1216, 0, {0}},
		{1217, 1, {"the issuing certificate ends in 608 days: certpool rotate ca"}},
		{1734, 1, {"the issuing certificate ends in 91 days: certpool rotate ca"}},
		{1764,
		 2,
		 {"the issuing certificate ends in 61 days: certpool rotate ca",
		  "new certificates of members are cut short by that: they last 61 days instead "
		  "of 90 days"}},
		{1825,
		 2,
		 {"the issuing certificate ends in 0 hours: certpool rotate ca",
		  "new certificates of members are cut short by that: they last 0 hours instead "
		  "of 90 days"}},
		{1826, 1, {"the issuing certificate ended 1 day ago: certpool rotate ca"}},
		{2434,
		 2,
		 {"the issuing certificate ended 609 days ago: certpool rotate ca",
		  "the root ends in 1216 days: certpool rotate root"}},
	};
	const struct issuer *issuer = authority_issuer(ca.authority);
	const struct ca_ends ends = {.issuing = issuer_certificate(issuer),
				     .root = issuer_root(issuer),
				     .validity_s = VALIDITY_S};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_warnings(&ends, rows[i].day, rows[i].count, rows[i].texts);
}

Test(ca_ends, warns_once_of_a_root_that_issues)
{
	static const char *const texts[] = {
		"the root ends in 10 days: certpool rotate root",
		"new certificates of members are cut short by that: they last 10 days instead of "
		"90 days"};
	const struct certificate *root = authority_root(ca.authority);
	const struct ca_ends ends = {
		.issuing = root, .root = root, .own_root = true, .validity_s = VALIDITY_S};

	expect_warnings(&ends, 3640, 2, texts);
}

Test(ca_ends, advises_to_finish_what_was_begun)
{
	static const char *const texts[] = {
		"the issuing certificate ended 609 days ago: certpool rotate ca",
		"the root ends in 1216 days: certpool rotate root --finish"};
	const struct issuer *issuer = authority_issuer(ca.authority);
	struct ca_ends ends = {.issuing = issuer_certificate(issuer),
			       .root = issuer_root(issuer),
			       .replacing = true,
			       .validity_s = VALIDITY_S};

	expect_warnings(&ends, 2434, 2, texts);
	/* A root that issues by itself has no rotate ca. */
	ends.own_root = true;
	expect_warnings(&ends, 2434, 1, &texts[1]);
}
