#include "common/ca/issue/answer_status.h"

#include "common/ca/store/store.h"
#include "common/x509/chain.h"
#include "common/x509/issuer.h"
#include "common/x509/profile.h"
#include "tests/support/expect.h"
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

static struct ca_fixture fixture;

static void set_up(void)
{
	make_ca(&fixture, NOW_S);
}

static void tear_down(void)
{
	remove_ca(&fixture);
}

TestSuite(answer_status, .init = set_up, .fini = tear_down);

static void expect_status(const struct certificate *certificate, int64_t at_s,
			  enum status_value status)
{
	struct status_answer answer = {.status = STATUS_COUNT};
	char serial[SERIAL_TEXT_SIZE];

	OK(answer_status(fixture.authority, certificate_der(certificate), at_s, &answer, &fault));
	cr_expect_eq(answer.status, status, "%s", format_status(answer.status));
	format_serial(certificate_serial(certificate), serial);
	cr_expect_str_eq(answer.serial, status == STATUS_UNKNOWN ? "" : serial);
	cr_expect_str_eq(answer.refusal.type, "");
}

Test(answer_status, says_good_until_a_certificate_expires)
{
	struct certificate *certificate;

	certificate = certify_one(&fixture, NOW_S);
	expect_status(certificate, NOW_S, STATUS_GOOD);
	expect_status(certificate, NOW_S - 1000, STATUS_GOOD);
	expect_status(certificate, NOW_S + 90 * DAY_S, STATUS_GOOD);
	expect_status(certificate, NOW_S + 90 * DAY_S + 1, STATUS_EXPIRED);
	free_certificate(&certificate);
}

Test(answer_status, refuses_octets_that_are_no_certificate)
{
	struct certificate *certificate;
	struct status_answer answer = {.status = STATUS_COUNT};
	struct bytes der;

	certificate = certify_one(&fixture, NOW_S);
	der = certificate_der(certificate);
	for (size_t len = 0; len < der.len; len++)
		REFUSED(answer_status(fixture.authority, (struct bytes){der.data, len}, NOW_S,
				      &answer, &fault),
			FAULT_MALFORMED, NULL, "the first %zu octets", len);
	cr_expect_eq(answer.status, STATUS_COUNT, "untouched");
	free_certificate(&certificate);
}

static void revoke_all(int64_t at_s, int reason)
{
	char sql[128];

	(void)snprintf(sql, sizeof(sql), "UPDATE certificate SET revoked_at = %lld, reason = %d",
		       (long long)at_s, reason);
	run_foreign_sql(fixture.store_path, sql);
}

Test(answer_status, says_revoked_with_time_and_reason_also_after_expiry)
{
	struct certificate *certificate;
	struct status_answer answer = {0};

	certificate = certify_one(&fixture, NOW_S);
	revoke_all(NOW_S + 5, 1);
	expect_status(certificate, NOW_S + 10, STATUS_REVOKED);
	expect_status(certificate, NOW_S + YEAR_S, STATUS_REVOKED);
	OK(answer_status(fixture.authority, certificate_der(certificate), NOW_S, &answer, &fault));
	cr_expect_eq(answer.revoked_at_s, NOW_S + 5);
	cr_expect_str_eq(answer.reason, "keyCompromise");
	revoke_all(NOW_S + 5, 7);
	OK(answer_status(fixture.authority, certificate_der(certificate), NOW_S, &answer, &fault));
	cr_expect_str_eq(answer.reason, "unspecified");
	free_certificate(&certificate);
}

Test(answer_status, says_unknown_for_another_cas_certificate_of_the_same_name)
{
	struct certificate *certificate;
	struct ca_fixture other;

	make_ca(&other, NOW_S);
	certificate = certify_one(&other, NOW_S);
	expect_status(certificate, NOW_S, STATUS_UNKNOWN);
	expect_status(authority_root(fixture.authority), NOW_S, STATUS_UNKNOWN);
	free_certificate(&certificate);
	remove_ca(&other);
}

/* A certificate by the CA's own key with a serial that it recorded, but of another key. */
Test(answer_status, says_unknown_for_a_forged_certificate_with_a_recorded_serial)
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

	certificate = certify_one(&fixture, NOW_S);
	OK(read_file(fixture.layout->private, "root.key", 10000, &key_pem, &fault));
	OK(parse_private_key(bytes_of_buffer(&key_pem), &key, &fault));
	OK(parse_certificate_der(certificate_der(authority_root(fixture.authority)), &root,
				 &fault));
	OK(new_issuer(&root, &key, &issuer, &fault));
	OK(parse_csr_pem(bytes_of_buffer(&pem), &csr, &fault));
	OK(certify_csr(issuer, csr, certificate_serial(certificate).data, &validity, &der, &fault));
	OK(parse_certificate_der(bytes_of_buffer(&der), &twin, &fault));
	expect_status(twin, NOW_S, STATUS_UNKNOWN);
	expect_status(certificate, NOW_S, STATUS_GOOD);
	free_certificate(&certificate);
}

/* catalogue 68: another client's certificate is as unknown as one that nobody has. */
Test(answer_status, tells_a_client_which_of_its_own_certificates_are_revoked)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	uint8_t serials[2][SERIAL_MAX] = {{0}, {9}};
	const struct statuses_request request = {.serials = serials, .serial_count = 2};
	struct store *store = authority_store(fixture.authority);
	struct statuses_answer answer = {0};

	certificate = certify_one(&fixture, NOW_S);
	memcpy(serials[0], certificate_serial(certificate).data, SERIAL_MAX);
	OK(answer_statuses(store, "client1", &request, &answer, &fault));
	cr_expect_eq(answer.revoked_count, 0);
	cr_assert_eq(answer.unknown_count, 1);
	cr_expect_arr_eq(answer.unknown[0], serials[1], SERIAL_MAX);
	clear_statuses_answer(&answer);

	revoke_all(NOW_S + 5, 1);
	OK(answer_statuses(store, "client1", &request, &answer, &fault));
	cr_assert_eq(answer.revoked_count, 1);
	cr_expect_arr_eq(answer.revoked[0].serial, serials[0], SERIAL_MAX);
	cr_expect_eq(answer.revoked[0].revoked_at_s, NOW_S + 5);
	cr_expect_eq(answer.revoked[0].reason, 1);
	clear_statuses_answer(&answer);

	OK(answer_statuses(store, "client2", &request, &answer, &fault));
	cr_expect_eq(answer.revoked_count, 0);
	cr_expect_eq(answer.unknown_count, 2);
	clear_statuses_answer(&answer);
}
