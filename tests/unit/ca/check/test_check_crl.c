#include "common/ca/check/checks.h"

#include "tests/support/expect.h"
#include "tests/unit/ca/check/checked.h"

#include <criterion/criterion.h>
#include <unistd.h>

Test(check_crl, compares_its_entries_with_the_record)
{
	expect_found("UPDATE certificate SET revoked_at = 1, reason = 1 WHERE id = 2",
		     "on it, which is revoked, found it missing: run certpool crl --renew");
	expect_found("UPDATE certificate SET reason = 1 WHERE id = 1",
		     "expected time and reason of the record (keyCompromise), found others");
	expect_found("UPDATE certificate SET revoked_at = NULL, reason = NULL WHERE id = 1",
		     "expected the 0 entries that the record has, found 1: run certpool revoke");
}

Test(check_crl, compares_its_number_and_its_revision_with_the_record)
{
	expect_found("UPDATE issuer SET crl_standing = 77",
		     "ca.crl: expected number 77, as the record");
	expect_found("UPDATE state SET revision = revision + 1", "ca.crl: not current: ");
}

Test(check_crl, finds_one_that_has_ended_is_damaged_or_is_gone)
{
	struct ca_fixture fixture;
	struct findings findings;

	make_checked_ca(&fixture);
	findings = check_at(&fixture, NOW_S + 2 * DAY_S);
	cr_expect(has_finding(&findings, "ca.crl: not current: it has expired"), "%s",
		  findings.lines[0]);
	put_file(fixture.layout->cert, "ca.crl", "no CRL", 0644);
	findings = check_at(&fixture, NOW_S);
	cr_expect(has_finding(&findings, "ca.crl: expected the CA's CRL, found: "), "%s",
		  findings.lines[0]);
	cr_assert_eq(unlinkat(fixture.layout->cert, "ca.crl", 0), 0);
	findings = check_at(&fixture, NOW_S);
	cr_expect(has_finding(&findings, "ca.crl: not current: the file is gone"), "%s",
		  findings.lines[0]);
	remove_ca(&fixture);
}
