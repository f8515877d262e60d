#include "common/ca/check/check_ca.h"

#include "tests/support/expect.h"
#include "tests/unit/ca/check/checked.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/stat.h>

/* An operator checks a CA, spoils a file's permissions, and checks again. */
Test(check_ca, is_used_like_this)
{
	struct findings findings = {0};
	struct check_summary summary = {0};
	struct ca_fixture fixture;

	make_checked_ca(&fixture);
	const struct check_options options = {.layout = fixture.layout,
					      .store = authority_store(fixture.authority),
					      .ca = &fixture.manifest->ca,
					      .access = &fixture.access,
					      .now_s = NOW_S,
					      .workers = 2,
					      .function = note_finding,
					      .context = &findings};

	OK(check_ca(&options, &summary, &fault));
	cr_expect_eq(summary.certificates, 2);
	cr_expect_eq(summary.findings, 0, "%s", findings.lines[0]);

	/* Damage is a finding, with advice, and not a failure of check_ca. */
	cr_assert_eq(fchmodat(fixture.layout->private, "root.key", 0640, 0), 0);
	OK(check_ca(&options, &summary, &fault));
	cr_expect_gt(summary.findings, 0);
	cr_expect(has_finding(&findings, "expected mode 0600, found 0640: run chmod 600"));
	remove_ca(&fixture);
}

Test(check_ca, calls_a_ca_whole)
{
	struct ca_fixture fixture;
	struct findings findings;

	make_ca(&fixture, NOW_S);
	share_client_keys(&fixture);
	findings = check_at(&fixture, NOW_S);
	cr_expect_eq(findings.count, 0, "%s", findings.lines[0]);
	remove_ca(&fixture);
	make_checked_ca(&fixture);
	findings = check_at(&fixture, NOW_S);
	cr_expect_eq(findings.count, 0, "%s", findings.lines[0]);
	cr_expect_eq(findings.summary.certificates, 2);
	cr_expect_eq(findings.summary.crl_entries, 1);
	cr_expect_not(findings.summary.key_unseen);
	remove_ca(&fixture);
}

/* How the rows of the record must be related. */
Test(check_ca, finds_rows_that_contradict_each_other)
{
	expect_found("INSERT INTO spent_key SELECT key_sha256 FROM certificate WHERE id = 2",
		     "is also among those that were pruned");
	expect_found("DELETE FROM client WHERE name = 'client1'",
		     "client client1: has certificates, and is not among the clients");
	expect_found("UPDATE client SET revoked_at = 1, reason = 0 WHERE name = 'client1'",
		     "client client1: is revoked, and has certificates that are not");
}

Test(check_ca, verifies_the_audit_log)
{
	expect_found("DELETE FROM audit WHERE id = 2", "the audit log: line 2: ");
	expect_found("UPDATE audit SET line = 'x' WHERE id = 1", "the audit log: line 1: ");
	expect_found("UPDATE audit_chain SET head = x'00'", "the audit log: cannot be read: ");
	expect_found("DELETE FROM audit_chain",
		     "the audit log: the record does not know of front end 1");
}
