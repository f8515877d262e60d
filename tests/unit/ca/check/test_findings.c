#include "common/ca/check/findings.h"

#include "tests/support/expect.h"
#include "tests/unit/ca/check/checked.h"

#include <criterion/criterion.h>
#include <string.h>

static struct findings found;
static const struct check_options options = {.function = note_finding, .context = &found};
static struct check_context context;

static void set_up(void)
{
	found = (struct findings){0};
	context = (struct check_context){.options = &options};
}

TestSuite(findings, .init = set_up);

Test(findings, are_counted_and_told_with_their_advice)
{
	OK(report_finding(&context, "ca.db", ADVICE_RESTORE, &fault, "expected %d, found %s", 3,
			  "2"));
	OK(report_finding(&context, "ca.db", "look at it", &fault, "100%%"));
	cr_expect_eq(context.summary.findings, 2);
	cr_assert_eq(found.count, 2);
	cr_expect_eq(found.warnings, 0);
	cr_expect(has_finding(&found, "ca.db"));
	cr_expect(has_finding(&found, "expected 3, found 2"));
	cr_expect(has_finding(&found, "restore the record from a backup"));
	cr_expect(has_finding(&found, "100%"));
}

/* `check` exits with 0 where there are warnings alone. */
Test(findings, do_not_count_a_warning)
{
	OK(report_warning(&context, "ca.crt", "it ends soon: 100%s", &fault));
	cr_expect_eq(context.summary.findings, 0);
	cr_expect_eq(found.warnings, 1);
	cr_expect(has_finding(&found, "it ends soon: 100%s"), "the text is no format");
}

static int refuse_finding(void *ignored, const struct finding *finding, struct fault *fault)
{
	(void)ignored;
	return set_fault(fault, FAULT_FAILED, "cannot print: %s", finding->text);
}

Test(findings, end_the_check_where_they_cannot_be_told)
{
	static const struct check_options deaf = {.function = refuse_finding};

	context.options = &deaf;
	REFUSED(report_finding(&context, "ca.db", NULL, &fault, "a page"), FAULT_FAILED,
		"cannot print: a page");
	REFUSED(report_warning(&context, "ca.crt", "an end", &fault), FAULT_FAILED,
		"cannot print: an end");
}

/* The number of an issuer comes from a record that may be damaged. */
Test(findings, know_no_issuer_beyond_those_of_the_ca)
{
	struct certificate *second = (struct certificate *)&found; /* never looked into */

	context.issuer_count = 2;
	context.issuers[1] = second;
	context.issuers[2] = second;
	cr_expect_null(find_checked_issuer(&context, 0));
	cr_expect_null(find_checked_issuer(&context, 1), "it could not be read");
	cr_expect_eq(find_checked_issuer(&context, 2), second);
	cr_expect_null(find_checked_issuer(&context, 3));
	cr_expect_null(find_checked_issuer(&context, ~0U));
}
