#include "common/ca/issue/authority.h"

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

TestSuite(authority, .init = set_up, .fini = tear_down);

/* --- layouts that are refused --- */

Test(authority, refuses_to_open_a_layout_without_a_root)
{
	remove_ca(&fixture);
	make_ca_place(&fixture);
	REFUSED(open_ca(&fixture, NOW_S, &fault), FAULT_NOT_FOUND,
		"cert/root.crt: expected the CA's root, found none: run certpool init");
}

/* catalogue 79 */
Test(authority, refuses_a_ca_without_its_record)
{
	free_authority(&fixture.authority);
	cr_assert_eq(unlinkat(fixture.layout->state, "ca.db", 0), 0);
	REFUSED(open_ca(&fixture, NOW_S, &fault), FAULT_NOT_FOUND,
		"state/ca.db: expected the CA's record, found none");
	put_file(fixture.layout->state, "ca.db", "", 0600);
	REFUSED(open_ca(&fixture, NOW_S, &fault), FAULT_FAILED,
		"state/ca.db: expected the CA's record, found an empty");
}

/* catalogue 87 */
Test(authority, is_opened_by_one_process_at_a_time)
{
	struct authority *second = NULL;
	char expected[64];

	(void)snprintf(expected, sizeof(expected), "state/serving: process %d serves this CA",
		       (int)getpid());
	REFUSED(open_authority(fixture.layout, fixture.manifest, &fixture.access, AUTHORITY_SERVING,
			       NOW_S, &second, &fault),
		FAULT_BUSY, expected);
	free_authority(&fixture.authority);
	OK(open_ca(&fixture, NOW_S, &fault), "free again when the first is gone");
}

/* catalogue 79 */
Test(authority, neither_certifies_nor_answers_when_its_store_fails)
{
	struct certificate *certificate;
	struct status_answer answer = {.status = STATUS_COUNT};
	struct health health;
	char log[400];

	certificate = certify_one(&fixture, NOW_S);
	(void)snprintf(log, sizeof(log), "%s-wal", fixture.store_path);
	check_authority(fixture.authority, NOW_S, &health);
	cr_expect_eq(health.count, 0, "%s", health.problems[0].fault.text);
	check_authority(fixture.authority, NOW_S + 11 * YEAR_S, &health);
	cr_assert_eq(health.count, 1);
	cr_expect_str_eq(health.problems[0].part, "root");
	expect_fault(&health.problems[0].fault, FAULT_REFUSED, "expired");
	cr_assert_eq(unlink(log), 0);
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer issued = {0};

	add_members(&request, "client1", 2, 1);
	REFUSED(certify_batch(fixture.authority, "client1", &request, NOW_S, &issued, &fault),
		FAULT_FAILED, "ca.db");
	cr_expect_null(issued.certificates);
	REFUSED(answer_status(fixture.authority, certificate_der(certificate), NOW_S, &answer,
			      &fault),
		FAULT_FAILED, NULL);
	cr_expect_eq(answer.status, STATUS_COUNT, "untouched");
	check_authority(fixture.authority, NOW_S, &health);
	cr_assert_gt(health.count, 0);
	cr_expect_str_eq(health.problems[0].part, "store");
	free_certificate(&certificate);
}
