#include "common/ca/check/check_ca.h"

#include "common/ca/store/revoke.h"
#include "common/crypto/key_file.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FINDINGS_MAX = 20, FINDING_SIZE = 1500 };

struct findings {
	char lines[FINDINGS_MAX][FINDING_SIZE];
	size_t count;
	size_t warnings; /* among them */
	struct check_summary summary;
};

static int note_finding(void *context, const struct finding *finding, struct fault *fault)
{
	struct findings *findings = context;

	(void)fault;
	cr_assert_lt(findings->count, FINDINGS_MAX);
	if (finding->warning)
		findings->warnings++;
	else
		cr_expect_neq(finding->advice[0], '\0');
	(void)snprintf(findings->lines[findings->count++], FINDING_SIZE, "%s: %s%s: %s",
		       finding->where, finding->warning ? "warning: " : "", finding->text,
		       finding->warning ? "" : finding->advice);
	return 0;
}

static struct findings check_at(struct ca_fixture *fixture, int64_t now_s)
{
	struct findings findings = {0};
	const struct check_options options = {.layout = fixture->layout,
					      .store = authority_store(fixture->authority),
					      .ca = &fixture->manifest->ca,
					      .access = &fixture->access,
					      .now_s = now_s,
					      .workers = 2,
					      .function = note_finding,
					      .context = &findings};

	OK(check_ca(&options, &findings.summary, &fault));
	cr_expect_eq(findings.summary.findings, findings.count - findings.warnings);
	return findings;
}

static bool has_finding(const struct findings *findings, const char *part)
{
	for (size_t i = 0; i < findings->count; i++)
		if (strstr(findings->lines[i], part) != NULL)
			return true;
	return false;
}

static void publish(struct ca_fixture *fixture)
{
	struct ca_crl_options options = authority_crl_options(fixture->authority);
	struct crl_info info;

	OK(publish_crl(&options, CRL_WHEN_DUE, NOW_S, &info, &fault));
}

/* Two certificates, the first revoked, and the CRL. */
/* The clients of the fixture's manifest have a key each. */
static void share_client_keys(const struct ca_fixture *fixture)
{
	for (size_t i = 0; i < fixture->manifest->client_count; i++) {
		CLEANUP(clear_shared_key) struct shared_key key = {0};

		OK(generate_shared_key(&key, &fault));
		OK(write_shared_key(fixture->layout, fixture->manifest->clients[i].name, &key,
				    &fault));
	}
}

static void make_checked_ca(struct ca_fixture *fixture)
{
	struct certificate *first;
	struct certificate *second;
	uint8_t serial[1][SERIAL_MAX];
	struct revocation revocation = {.serial_count = 1, .by = "ca", .now_s = NOW_S};
	struct revocation_summary summary;

	make_ca(fixture, NOW_S);
	share_client_keys(fixture);
	first = certify_one(fixture, NOW_S);
	second = certify_one(fixture, NOW_S);
	memcpy(serial[0], certificate_serial(first).data, SERIAL_MAX);
	revocation.serials = (const uint8_t(*)[SERIAL_MAX])serial;
	OK(revoke_certificates(authority_store(fixture->authority), &revocation, NULL, NULL,
			       &summary, &fault));
	publish(fixture);
	free_certificate(&first);
	free_certificate(&second);
}

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

Test(check_ca, finds_changes_in_the_record)
{
	static const struct {
		const char *sql;
		const char *part;
	} rows[] = {
		{"UPDATE certificate SET serial = zeroblob(20) WHERE id = 2",
		 "expected the serial of its row, found another"},
		{"UPDATE certificate SET key_sha256 = zeroblob(32) WHERE id = 2",
		 "expected the public key of its row, found another"},
		{"UPDATE certificate SET subject = 'CN=x' WHERE id = 2",
		 "expected the subject of its row, CN=x, found CN="},
		{"UPDATE certificate SET not_after = 1 WHERE id = 2",
		 "expected the validity of its row, found another"},
		{"UPDATE certificate SET der = x'3000' WHERE id = 2",
		 "expected a certificate, found: "},
		{"UPDATE certificate SET client = '/' WHERE id = 2",
		 "row 2 of certificate: expected serial, key, names and DER"},
		{"UPDATE certificate SET der = CAST(substr(der, 1, length(der) - 1) ||"
		 " x'00' AS BLOB) WHERE id = 2",
		 "by the CA: "},
		{"DELETE FROM certificate WHERE id = 2",
		 "expected in the record, as the audit log has it, found none"},
		{"UPDATE certificate SET revoked_at = NULL, reason = NULL",
		 "expected it revoked, as the audit log has it"},
		{"UPDATE certificate SET revoked_at = 1, reason = 1 WHERE id = 2",
		 "on it, which is revoked, found it missing: run certpool crl --renew"},
		{"UPDATE certificate SET reason = 1 WHERE id = 1",
		 "expected time and reason of the record (keyCompromise), found others"},
		{"INSERT INTO spent_key SELECT key_sha256 FROM certificate WHERE id = 2",
		 "is also among those that were pruned"},
		{"DELETE FROM client WHERE name = 'client1'",
		 "client client1: has certificates, and is not among the clients"},
		{"UPDATE client SET revoked_at = 1, reason = 0 WHERE name = 'client1'",
		 "client client1: is revoked, and has certificates that are not"},
		{"DELETE FROM audit WHERE sequence = 2", "the audit log: line 2: "},
		{"UPDATE audit SET line = 'x' WHERE sequence = 1", "the audit log: line 1: "},
		{"UPDATE issuer SET crl_standing = 77",
		 "ca.crl: expected number 77, as the record"},
		{"UPDATE state SET revision = revision + 1", "ca.crl: not current: "},
		{"UPDATE audit_chain SET head = x'00'", "the audit log: cannot be read: "},
		{"DELETE FROM audit_chain",
		 "the audit log: the record does not know of front end 1"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct ca_fixture fixture;
		struct findings findings;

		make_checked_ca(&fixture);
		run_foreign_sql(fixture.store_path, rows[i].sql);
		findings = check_at(&fixture, NOW_S);
		cr_expect(has_finding(&findings, rows[i].part),
			  "row %zu: expected \"%s\" in \"%s\"", i, rows[i].part, findings.lines[0]);
		remove_ca(&fixture);
	}
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

/* catalogue 35 */
Test(check_ca, names_files_that_others_can_use)
{
	static const struct {
		const char *name;
		mode_t mode;
		const char *part;
	} rows[] = {
		{"Private/root.key", 0640, "Private/root.key: expected mode 0600, found 0640: run"},
		{"Private", 0711, "Private: expected mode 0700, found 0711: run chmod 700"},
		{"state/ca.db", 0604, "state/ca.db: expected mode 0600, found 0604: run chmod 600"},
		{"cert/root.crt", 0664, "cert/root.crt: expected mode 0644, found 0664: run chmod"},
		{"cert", 0777, "cert: expected mode 0755, found 0777: run chmod 755"},
		{"", 0775, "expected mode 0755, found 0775: run chmod 755"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct ca_fixture fixture;
		struct findings findings;
		char path[400];

		make_checked_ca(&fixture);
		(void)snprintf(path, sizeof(path), "%s/%s", fixture.ca_path, rows[i].name);
		cr_assert_eq(chmod(path, rows[i].mode), 0);
		findings = check_at(&fixture, NOW_S);
		cr_expect(has_finding(&findings, rows[i].part), "row %zu: %s", i,
			  findings.lines[0]);
		remove_ca(&fixture);
	}
}

/* catalogue 50 */
Test(check_ca, names_a_root_that_is_not_the_keys)
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

Test(check_ca, looks_at_the_time)
{
	static const struct {
		int64_t now_s;
		const char *part;
	} rows[] = {
		{NOW_S + 2 * DAY_S, "ca.crl: not current: it has expired"},
		{NOW_S + 3640 * DAY_S,
		 "warning: the root ends in 10 days: make a new CA in a layout"},
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

Test(check_ca, says_that_a_key_was_not_checked)
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
