#include "common/ca/check/checks.h"

#include "tests/support/expect.h"
#include "tests/unit/ca/check/checked.h"

#include <criterion/criterion.h>
#include <unistd.h>

/* catalogue 50 */
Test(check_root, names_a_root_that_is_not_the_keys)
{
	struct ca_fixture fixture;
	struct ca_fixture other;
	CLEANUP(clear_buffer) struct buffer root = {0};
	struct findings findings;

	make_checked_ca(&fixture);
	make_ca(&other, NOW_S);
	OK(read_file(other.layout->cert, "root.crt", 10000, &root, &fault));
	put_bytes(fixture.layout->cert, "root.crt", bytes_of_buffer(&root), 0644);
	findings = check_at(&fixture, NOW_S);
	cr_expect(has_finding(&findings, "the CA's key: expected it to belong"));
	cr_expect(has_finding(&findings, "by the CA: the signature is not by the key"));
	cr_expect(has_finding(&findings, "ca.crl: CRL: RFC 5280 section 5.2.1"));
	remove_ca(&other);
	remove_ca(&fixture);
}

Test(check_root, looks_at_the_time)
{
	static const struct {
		int64_t now_s;
		const char *part;
	} rows[] = {
		{NOW_S + 3640 * DAY_S, "warning: the root ends in 10 days: certpool rotate root"},
		{NOW_S + 3640 * DAY_S, "they last 10 days instead of 90 days"},
		{NOW_S + 3651 * DAY_S, "expected it to be valid now, found that it is not"},
		{NOW_S - DAY_S, "expected it to be valid now, found that it is not"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct ca_fixture fixture;
		struct findings findings;

		make_checked_ca(&fixture);
		findings = check_at(&fixture, rows[i].now_s);
		cr_expect(has_finding(&findings, rows[i].part), "row %zu: %s", i,
			  findings.lines[0]);
		remove_ca(&fixture);
	}
}

Test(check_root, says_that_a_key_was_not_checked)
{
	static const char pass[] = "correct horse";
	CLEANUP(clear_secret) struct secret pem = {0};
	struct ca_fixture fixture;
	struct findings findings;

	make_checked_ca(&fixture);
	OK(format_encrypted_private_key(issuer_key(authority_issuer(fixture.authority)),
					bytes_of_string(pass), &pem, &fault));
	put_bytes(fixture.layout->private, "root.key", bytes_of_secret(&pem), 0600);
	findings = check_at(&fixture, NOW_S);
	cr_expect_eq(findings.count, 0, "%s", findings.lines[0]);
	cr_expect(findings.summary.key_unseen);
	remove_ca(&fixture);
}

Test(check_root, names_a_certificate_that_is_lost)
{
	struct ca_fixture fixture;
	struct findings findings;

	make_checked_ca(&fixture);
	cr_assert_eq(unlinkat(fixture.layout->cert, "root.crt", 0), 0);
	findings = check_at(&fixture, NOW_S);
	cr_expect(
		has_finding(&findings, "cert/root.crt: expected the CA's certificate, found none"),
		"%s", findings.lines[0]);
	remove_ca(&fixture);
}
