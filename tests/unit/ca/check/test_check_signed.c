#include "common/ca/check/checks.h"

#include "common/ca/signer/signed_log.h"
#include "common/ca/store/certificates.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/check/checked.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

/* A certificate that was signed, and that nobody was given. */
static void add_line(const struct ca_fixture *fixture, int64_t end_s)
{
	const struct signed_line line = {
		.time_s = NOW_S, .kind = SIGNED_CERTIFICATE, .number = {0x7f, 1}, .end_s = end_s};

	OK(append_signed_lines(fixture->layout, &line, 1, &fault));
}

Test(check_signed, counts_lines_without_a_certificate_that_has_not_ended)
{
	struct ca_fixture fixture;
	struct findings findings;

	make_checked_ca(&fixture);
	add_line(&fixture, NOW_S + DAY_S);
	add_line(&fixture, NOW_S - DAY_S);
	findings = check_at(&fixture, NOW_S);
	cr_expect_eq(findings.count, 0, "%s", findings.lines[0]);
	cr_expect_eq(findings.summary.unrecorded, 1);
	remove_ca(&fixture);
}

Test(check_signed, misses_the_line_of_a_certificate)
{
	struct ca_fixture fixture;
	struct findings findings;
	CLEANUP(clear_buffer) struct buffer log = {0};
	struct bytes rest;
	struct bytes first;

	make_checked_ca(&fixture);
	OK(read_file(fixture.layout->state, SIGNED_LOG_FILE, 100000, &log, &fault));
	rest = bytes_of_buffer(&log);
	first = cut_line(&rest);
	put_bytes(fixture.layout->state, SIGNED_LOG_FILE, (struct bytes){first.data, first.len + 1},
		  0600);
	findings = check_at(&fixture, NOW_S);
	cr_expect(has_finding(&findings, "expected a line, as it is in the record, found none: "
					 "find out who wrote"),
		  "%s", findings.lines[0]);
	remove_ca(&fixture);
}

Test(check_signed, finds_another_certificate_than_the_one_that_was_signed)
{
	expect_found("UPDATE certificate SET der = (SELECT der FROM certificate WHERE id = 1)"
		     " WHERE id = 2",
		     "expected what was signed under this serial, found another");
}

Test(check_signed, finds_that_the_log_is_damaged_or_lost)
{
	struct ca_fixture fixture;
	struct findings findings;

	make_checked_ca(&fixture);
	put_file(fixture.layout->state, SIGNED_LOG_FILE, "no line\n", 0600);
	findings = check_at(&fixture, NOW_S);
	cr_expect(has_finding(&findings, "signed.log: cannot be read: "), "%s", findings.lines[0]);
	cr_assert_eq(unlinkat(fixture.layout->state, SIGNED_LOG_FILE, 0), 0);
	findings = check_at(&fixture, NOW_S);
	cr_expect(has_finding(&findings, "expected the log of signatures, found none: put it back"),
		  "%s", findings.lines[0]);
	remove_ca(&fixture);
}
