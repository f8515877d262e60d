#include "common/ca/issue/authority.h"

#include "common/ca/store/store.h"
#include "common/x509/chain.h"
#include "common/x509/issuer.h"
#include "common/x509/profile.h"
#include "tests/unit/ca/fixture.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define YEAR_S (365 * DAY_S)

/* --- what init refuses --- */

/* An initialised CA from which something was taken away. */
static void expect_init_refused(const char *removed, const char *part)
{
	struct authority_made made = {0};
	struct ca_fixture fixture;
	struct fault fault = {0};

	make_ca_place(&fixture);
	cr_assert_eq(init_ca(&fixture, NOW_S, &made, &fault), 0, "%s", fault.text);
	cr_assert_eq(unlinkat(fixture.layout->root, removed, 0), 0);
	cr_expect_eq(init_ca(&fixture, NOW_S, &made, &fault), -1);
	expect_fault(&fault, FAULT_REFUSED, part);
	cr_expect_not(file_exists(fixture.layout->root, removed), "nothing was made up");
	remove_ca(&fixture);
}

Test(authority, init_refuses_a_root_without_its_key)
{
	expect_init_refused("Private/root.key", "cert/root.crt is there and Private/root.key is "
						"not");
}

Test(authority, init_refuses_a_root_without_its_record)
{
	expect_init_refused("state/ca.db", "cert/root.crt is there and state/ca.db is not");
}

Test(authority, init_refuses_to_make_a_second_root_after_certificates_were_issued)
{
	struct authority_made made = {0};
	struct ca_fixture fixture;
	struct fault fault = {0};

	make_ca(&fixture, NOW_S);
	struct certificate *certificate = certify_one(&fixture, NOW_S);

	free_certificate(&certificate);
	free_authority(&fixture.authority);
	cr_assert_eq(unlinkat(fixture.layout->cert, "root.crt", 0), 0);
	cr_expect_eq(init_ca(&fixture, NOW_S, &made, &fault), -1);
	expect_fault(&fault, FAULT_REFUSED, "the root under which 1 certificates were issued");
	cr_expect_not(file_exists(fixture.layout->cert, "root.crt"));
	remove_ca(&fixture);
}

/* catalogue 79 */
Test(authority, init_refuses_a_record_that_is_none)
{
	static const char *const contents[] = {"", "This is no database, and never was one.\n"};

	for (size_t i = 0; i < COUNT_OF(contents); i++) {
		struct authority_made made = {0};
		struct ca_fixture fixture;
		struct fault fault = {0};

		make_ca_place(&fixture);
		put_file(fixture.layout->state, "ca.db", contents[i], 0600);
		cr_expect_eq(init_ca(&fixture, NOW_S, &made, &fault), -1);
		expect_fault(&fault, FAULT_FAILED, "state/ca.db: expected the CA's record, found");
		cr_expect_not(file_exists(fixture.layout->cert, "root.crt"));
		remove_ca(&fixture);
	}
}

/* catalogue 33, 38 */
Test(authority, init_refuses_a_key_that_is_no_secret)
{
	struct authority_made made = {0};
	struct ca_fixture fixture;
	struct fault fault = {0};

	make_ca_place(&fixture);
	cr_assert_eq(init_ca(&fixture, NOW_S, &made, &fault), 0, "%s", fault.text);
	cr_assert_eq(fchmodat(fixture.layout->private, "root.key", 0644, 0), 0);
	cr_expect_eq(init_ca(&fixture, NOW_S, &made, &fault), -1);
	expect_fault(&fault, FAULT_REFUSED, "expected mode 0600, found 0644");
	cr_assert_eq(renameat(fixture.layout->private, "root.key", fixture.layout->private, "k"),
		     0);
	cr_assert_eq(symlinkat("k", fixture.layout->private, "root.key"), 0);
	fault = (struct fault){0};
	cr_expect_eq(init_ca(&fixture, NOW_S, &made, &fault), -1);
	expect_fault(&fault, FAULT_REFUSED, "found a symbolic link");
	remove_ca(&fixture);
}

/* --- what init makes --- */

Test(authority, init_makes_key_record_and_root)
{
	struct authority_made made = {0};
	struct ca_fixture fixture;
	struct verdict verdict = {0};
	struct fault fault = {0};
	const struct certificate *root;

	make_ca_place(&fixture);
	cr_assert_eq(init_ca(&fixture, NOW_S, &made, &fault), 0, "%s", fault.text);
	cr_expect(made.root);
	cr_expect(made.store);
	cr_expect_eq(mode_of(fixture.layout->private, "root.key"), 0600);
	cr_expect_eq(mode_of(fixture.layout->cert, "root.crt"), 0644);
	cr_expect_eq(mode_of(fixture.layout->state, "ca.db"), 0600);
	cr_assert_eq(open_ca(&fixture, NOW_S, &fault), 0, "%s", fault.text);
	root = authority_root(fixture.authority);
	cr_expect_str_eq(certificate_subject(root), "CN=Test Root");
	cr_expect_eq(certificate_not_before(root), NOW_S - 300);
	cr_expect_eq(certificate_not_after(root), NOW_S + 10 * YEAR_S);
	cr_expect_eq(certificate_serial(root).len, SERIAL_MAX);
	cr_assert_eq(check_profile(root, PROFILE_ROOT, &verdict, &fault), 0);
	cr_expect_not(verdict.invalid, "%s", verdict.reason);
	remove_ca(&fixture);
}

Test(authority, init_asked_again_makes_nothing)
{
	struct authority_made made = {0};
	CLEANUP(clear_buffer) struct buffer before = {0};
	struct ca_fixture fixture;
	struct fault fault = {0};

	make_ca_place(&fixture);
	cr_assert_eq(init_ca(&fixture, NOW_S, &made, &fault), 0, "%s", fault.text);
	cr_assert_eq(read_file(fixture.layout->cert, "root.crt", 10000, &before, &fault), 0);
	cr_assert_eq(init_ca(&fixture, NOW_S + 5, &made, &fault), 0, "%s", fault.text);
	cr_expect_not(made.root);
	cr_expect_not(made.store);
	cr_expect(file_holds(fixture.layout->cert, "root.crt", (const char *)before.data));
	remove_ca(&fixture);
}

Test(authority, init_gives_a_key_without_a_certificate_its_certificate)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ED25519);
	CLEANUP(clear_secret) struct secret pem = {0};
	struct authority_made made = {0};
	struct ca_fixture fixture;
	struct fault fault = {0};

	make_ca_place(&fixture);
	cr_assert_eq(format_private_key(key, &pem, &fault), 0);
	put_file(fixture.layout->private, "root.key", (const char *)pem.data, 0600);
	cr_assert_eq(init_ca(&fixture, NOW_S, &made, &fault), 0, "%s", fault.text);
	cr_expect(made.root);
	cr_expect(file_holds(fixture.layout->private, "root.key", (const char *)pem.data));
	cr_assert_eq(open_ca(&fixture, NOW_S, &fault), 0, "%s", fault.text);
	cr_expect_eq(public_key_type(certificate_public_key(authority_root(fixture.authority))),
		     KEY_ED25519);
	remove_ca(&fixture);
}

/* catalogue 76: each state that a kill can leave, one after the other. */
Test(authority, init_completes_what_a_killed_init_left)
{
	static const char *const left_overs[] = {"Private/.root.key.new", "state/.ca.db.new",
						 "cert/.root.crt.new"};
	static const char *const made_in_order[] = {"cert/root.crt", "state/ca.db",
						    "Private/root.key"};

	for (size_t removed = 0; removed <= COUNT_OF(made_in_order); removed++) {
		struct authority_made made = {0};
		struct ca_fixture fixture;
		struct fault fault = {0};

		make_ca_place(&fixture);
		cr_assert_eq(init_ca(&fixture, NOW_S, &made, &fault), 0, "%s", fault.text);
		for (size_t i = 0; i < removed; i++)
			cr_assert_eq(unlinkat(fixture.layout->root, made_in_order[i], 0), 0);
		for (size_t i = 0; i < COUNT_OF(left_overs); i++)
			put_file(fixture.layout->root, left_overs[i], "half", 0600);
		cr_assert_eq(init_ca(&fixture, NOW_S, &made, &fault), 0, "%s", fault.text);
		cr_expect_eq(made.root, removed > 0);
		cr_expect_eq(made.store, removed > 1);
		for (size_t i = 0; i < COUNT_OF(left_overs); i++)
			cr_expect_not(file_exists(fixture.layout->root, left_overs[i]));
		cr_expect_eq(open_ca(&fixture, NOW_S, &fault), 0, "%s", fault.text);
		remove_ca(&fixture);
	}
}

/* catalogue 76 */
Test(authority, init_killed_at_any_moment_can_be_asked_again)
{
	for (useconds_t delay = 0; delay < 16; delay++) {
		struct authority_made made = {0};
		struct ca_fixture fixture;
		struct fault fault = {0};
		int status;
		pid_t child;

		make_ca_place(&fixture);
		child = fork();
		cr_assert_geq(child, 0);
		if (child == 0) {
			(void)!init_ca(&fixture, NOW_S, &made, &fault);
			_exit(0);
		}
		(void)usleep(delay * 1000);
		(void)kill(child, SIGKILL);
		cr_assert_eq(waitpid(child, &status, 0), child);
		cr_expect_eq(init_ca(&fixture, NOW_S, &made, &fault), 0, "%s", fault.text);
		cr_expect_eq(open_ca(&fixture, NOW_S, &fault), 0, "%s", fault.text);
		remove_ca(&fixture);
	}
}

/* --- what cannot be opened --- */

Test(authority, refuses_to_open_a_layout_without_a_root)
{
	struct ca_fixture fixture;
	struct fault fault = {0};

	make_ca_place(&fixture);
	cr_expect_eq(open_ca(&fixture, NOW_S, &fault), -1);
	expect_fault(&fault, FAULT_NOT_FOUND,
		     "cert/root.crt: expected the CA's root, found none: run certpool init");
	remove_ca(&fixture);
}

/* catalogue 79 */
Test(authority, refuses_a_ca_without_its_record)
{
	struct ca_fixture fixture;
	struct fault fault = {0};

	make_ca(&fixture, NOW_S);
	free_authority(&fixture.authority);
	cr_assert_eq(unlinkat(fixture.layout->state, "ca.db", 0), 0);
	cr_expect_eq(open_ca(&fixture, NOW_S, &fault), -1);
	expect_fault(&fault, FAULT_NOT_FOUND, "state/ca.db: expected the CA's record, found none");
	put_file(fixture.layout->state, "ca.db", "", 0600);
	fault = (struct fault){0};
	cr_expect_eq(open_ca(&fixture, NOW_S, &fault), -1);
	expect_fault(&fault, FAULT_FAILED, "state/ca.db: expected the CA's record, found an empty");
	remove_ca(&fixture);
}

/* catalogue 87 */
Test(authority, is_opened_by_one_process_at_a_time)
{
	struct authority *second = NULL;
	struct ca_fixture fixture;
	struct fault fault = {0};
	char expected[64];

	make_ca(&fixture, NOW_S);
	(void)snprintf(expected, sizeof(expected), "state/serving: process %d serves this CA",
		       (int)getpid());
	cr_expect_eq(open_authority(fixture.layout, fixture.manifest, &fixture.access,
				    AUTHORITY_SERVING, NOW_S, &second, &fault),
		     -1);
	expect_fault(&fault, FAULT_BUSY, expected);
	free_authority(&fixture.authority);
	cr_expect_eq(open_ca(&fixture, NOW_S, &fault), 0, "free again when the first is gone");
	remove_ca(&fixture);
}

/* --- judging --- */

static void expect_status(struct ca_fixture *fixture, const struct certificate *certificate,
			  int64_t at_s, enum status_value status)
{
	struct status_answer answer = {.status = STATUS_COUNT};
	char serial[SERIAL_TEXT_SIZE];
	struct fault fault = {0};

	cr_assert_eq(answer_status(fixture->authority, certificate_der(certificate), at_s, &answer,
				   &fault),
		     0, "%s", fault.text);
	cr_expect_eq(answer.status, status, "%s", format_status(answer.status));
	format_serial(certificate_serial(certificate), serial);
	cr_expect_str_eq(answer.serial, status == STATUS_UNKNOWN ? "" : serial);
	cr_expect_str_eq(answer.refusal.type, "");
}

Test(authority, says_good_until_a_certificate_expires)
{
	struct certificate *certificate;
	struct ca_fixture fixture;

	make_ca(&fixture, NOW_S);
	certificate = certify_one(&fixture, NOW_S);
	expect_status(&fixture, certificate, NOW_S, STATUS_GOOD);
	expect_status(&fixture, certificate, NOW_S - 1000, STATUS_GOOD);
	expect_status(&fixture, certificate, NOW_S + 90 * DAY_S, STATUS_GOOD);
	expect_status(&fixture, certificate, NOW_S + 90 * DAY_S + 1, STATUS_EXPIRED);
	free_certificate(&certificate);
	remove_ca(&fixture);
}

Test(authority, does_not_judge_what_is_no_certificate)
{
	struct certificate *certificate;
	struct status_answer answer = {.status = STATUS_COUNT};
	struct ca_fixture fixture;
	struct bytes der;
	struct fault fault = {0};

	make_ca(&fixture, NOW_S);
	certificate = certify_one(&fixture, NOW_S);
	der = certificate_der(certificate);
	for (size_t len = 0; len < der.len; len++) {
		fault = (struct fault){0};
		cr_assert_eq(answer_status(fixture.authority, (struct bytes){der.data, len}, NOW_S,
					   &answer, &fault),
			     -1, "the first %zu octets", len);
		cr_expect_eq(fault.class, FAULT_MALFORMED, "%s", fault.text);
	}
	cr_expect_eq(answer.status, STATUS_COUNT, "untouched");
	free_certificate(&certificate);
	remove_ca(&fixture);
}

static void revoke_all(const struct ca_fixture *fixture, int64_t at_s, int reason)
{
	char sql[128];

	(void)snprintf(sql, sizeof(sql), "UPDATE certificate SET revoked_at = %lld, reason = %d",
		       (long long)at_s, reason);
	run_foreign_sql(fixture->store_path, sql);
}

Test(authority, says_revoked_with_time_and_reason_also_after_expiry)
{
	struct certificate *certificate;
	struct status_answer answer = {0};
	struct ca_fixture fixture;
	struct fault fault = {0};

	make_ca(&fixture, NOW_S);
	certificate = certify_one(&fixture, NOW_S);
	revoke_all(&fixture, NOW_S + 5, 1);
	expect_status(&fixture, certificate, NOW_S + 10, STATUS_REVOKED);
	expect_status(&fixture, certificate, NOW_S + YEAR_S, STATUS_REVOKED);
	cr_assert_eq(answer_status(fixture.authority, certificate_der(certificate), NOW_S, &answer,
				   &fault),
		     0);
	cr_expect_eq(answer.revoked_at_s, NOW_S + 5);
	cr_expect_str_eq(answer.reason, "keyCompromise");
	revoke_all(&fixture, NOW_S + 5, 7);
	cr_assert_eq(answer_status(fixture.authority, certificate_der(certificate), NOW_S, &answer,
				   &fault),
		     0);
	cr_expect_str_eq(answer.reason, "unspecified");
	free_certificate(&certificate);
	remove_ca(&fixture);
}

Test(authority, knows_nothing_of_another_cas_certificate_of_the_same_name)
{
	struct certificate *certificate;
	struct ca_fixture fixture;
	struct ca_fixture other;

	make_ca(&fixture, NOW_S);
	make_ca(&other, NOW_S);
	certificate = certify_one(&other, NOW_S);
	expect_status(&fixture, certificate, NOW_S, STATUS_UNKNOWN);
	expect_status(&fixture, authority_root(fixture.authority), NOW_S, STATUS_UNKNOWN);
	free_certificate(&certificate);
	remove_ca(&fixture);
	remove_ca(&other);
}

/* A certificate by the CA's own key with a serial that it recorded, but of another key. */
Test(authority, does_not_take_a_look_alike_for_what_it_issued)
{
	const struct validity validity = {NOW_S, NOW_S + DAY_S};
	CLEANUP(clear_buffer) struct buffer key_pem = {0};
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_private_key) struct private_key *member = make_key(KEY_ECDSA_P256);
	CLEANUP(free_certificate) struct certificate *root = NULL;
	CLEANUP(free_certificate) struct certificate *twin = NULL;
	CLEANUP(free_issuer) struct issuer *issuer = NULL;
	CLEANUP(free_csr) struct csr *csr = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(clear_buffer) struct buffer pem = make_csr(member, "CN=client1-1", NULL);
	struct certificate *certificate;
	struct ca_fixture fixture;
	struct fault fault = {0};

	make_ca(&fixture, NOW_S);
	certificate = certify_one(&fixture, NOW_S);
	cr_assert_eq(read_file(fixture.layout->private, "root.key", 10000, &key_pem, &fault), 0);
	cr_assert_eq(parse_private_key(bytes_of_buffer(&key_pem), &key, &fault), 0);
	cr_assert_eq(parse_certificate_der(certificate_der(authority_root(fixture.authority)),
					   &root, &fault),
		     0);
	cr_assert_eq(new_issuer(&root, &key, &issuer, &fault), 0, "%s", fault.text);
	cr_assert_eq(parse_csr_pem(bytes_of_buffer(&pem), &csr, &fault), 0, "%s", fault.text);
	cr_assert_eq(certify_csr(issuer, csr, certificate_serial(certificate).data, &validity, &der,
				 &fault),
		     0, "%s", fault.text);
	cr_assert_eq(parse_certificate_der(bytes_of_buffer(&der), &twin, &fault), 0);
	expect_status(&fixture, twin, NOW_S, STATUS_UNKNOWN);
	expect_status(&fixture, certificate, NOW_S, STATUS_GOOD);
	free_certificate(&certificate);
	remove_ca(&fixture);
}

/* catalogue 79 */
Test(authority, says_that_it_cannot_tell_when_its_record_is_gone_bad)
{
	struct certificate *certificate;
	struct status_answer answer = {.status = STATUS_COUNT};
	struct ca_fixture fixture;
	struct health health;
	struct fault fault = {0};
	char log[400];

	make_ca(&fixture, NOW_S);
	certificate = certify_one(&fixture, NOW_S);
	(void)snprintf(log, sizeof(log), "%s-wal", fixture.store_path);
	check_authority(fixture.authority, NOW_S, &health);
	cr_expect_eq(health.count, 0, "%s", health.flaws[0].fault.text);
	check_authority(fixture.authority, NOW_S + 11 * YEAR_S, &health);
	cr_assert_eq(health.count, 1);
	cr_expect_str_eq(health.flaws[0].part, "root");
	expect_fault(&health.flaws[0].fault, FAULT_REFUSED, "expired");
	cr_assert_eq(unlink(log), 0);
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer issued = {0};

	add_members(&request, "client1", 2, 1);
	fault = (struct fault){0};
	cr_expect_eq(certify_batch(fixture.authority, "client1", &request, NOW_S, &issued, &fault),
		     -1);
	expect_fault(&fault, FAULT_FAILED, "ca.db");
	cr_expect_null(issued.certificates);
	cr_expect_eq(answer_status(fixture.authority, certificate_der(certificate), NOW_S, &answer,
				   &fault),
		     -1);
	cr_expect_eq(answer.status, STATUS_COUNT, "untouched");
	check_authority(fixture.authority, NOW_S, &health);
	cr_assert_gt(health.count, 0);
	cr_expect_str_eq(health.flaws[0].part, "store");
	free_certificate(&certificate);
	remove_ca(&fixture);
}
