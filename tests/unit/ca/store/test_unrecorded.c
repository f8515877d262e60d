#include "common/ca/store/unrecorded.h"

#include "common/ca/store/audit.h"
#include "common/ca/store/crl_state.h"
#include "common/ca/store/issuers.h"
#include "common/ca/store/revoke.h"
#include "common/ca/store/statement.h"
#include "common/x509/revocation/crl_reason.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <string.h>

enum { REVOKED_AT_S = 1500, UNTIL_S = 9000 };

static struct scratch_store scratch;
static struct store *store;

/* A record with certificates 1 and 2; number 7 was issued too, and the record lacks it. */
static void set_up(void)
{
	make_scratch_store(&scratch);
	store = open_scratch_store(&scratch);
	insert_one(store, "a", 1);
	insert_one(store, "a", 2);
}

static void tear_down(void)
{
	free_store(&store);
	remove_scratch_store(&scratch);
}

TestSuite(unrecorded, .init = set_up, .fini = tear_down);

static int revoke_number(uint32_t number, const char *by, int reason, bool unrecorded,
			 struct revocation_summary *ret_summary, struct fault *fault)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	const struct revocation revocation = {
		.serials = (const uint8_t(*)[SERIAL_MAX])record.serial,
		.serial_count = 1,
		.unrecorded_until_s = unrecorded ? UNTIL_S : 0,
		.by = by,
		.reason = reason,
		.now_s = REVOKED_AT_S,
	};

	make_record(&record, "a", number);
	return revoke_certificates(store, &revocation, NULL, NULL, ret_summary, fault);
}

static struct certificate_status status_of(uint32_t number)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	struct certificate_status status = {0};

	make_record(&record, "a", number);
	OK(read_certificate_status(store, FIRST_ISSUER, (struct bytes){record.serial, SERIAL_MAX},
				   &status, &fault));
	return status;
}

static int check_order(void *context, const uint8_t serial[static SERIAL_MAX], int64_t revoked_at_s,
		       int reason, struct fault *fault)
{
	struct buffer *serials = context;

	(void)revoked_at_s;
	(void)reason;
	(void)fault;
	if (serials->len > 0)
		cr_expect_lt(memcmp(serials->data + serials->len - SERIAL_MAX, serial, SERIAL_MAX),
			     0);
	append_bytes(serials, (struct bytes){serial, SERIAL_MAX});
	return 0;
}

static size_t count_listed(int64_t ends_from_s)
{
	CLEANUP(clear_buffer) struct buffer serials = {0};
	int64_t revision;

	OK(list_revoked(store, FIRST_ISSUER, ends_from_s, check_order, &serials, &revision,
			&fault));
	return serials.len / SERIAL_MAX;
}

/* catalogue 105: the operator revokes a serial that was issued after the backup. */
Test(unrecorded, is_used_like_this)
{
	struct revocation_summary summary;
	struct certificate_status status;

	REFUSED(revoke_number(7, "ca", REASON_SUPERSEDED, false, &summary, &fault), FAULT_NOT_FOUND,
		"if it was issued after the backup");
	OK(revoke_number(7, "ca", REASON_SUPERSEDED, true, &summary, &fault));
	cr_expect_eq(summary.revoked, 1);
	status = status_of(7);
	cr_expect(status.found && status.revoked);
	cr_expect_eq(status.revoked_at_s, REVOKED_AT_S);
	cr_expect_eq(status.reason, REASON_SUPERSEDED);
	cr_expect_eq(status.revision, 1, "what was answered before is stale");
	cr_expect_eq(count_listed(UNTIL_S), 1);
	cr_expect_eq(count_listed(UNTIL_S + 1), 0);
}

/* catalogue 60 */
Test(unrecorded, keeps_the_first_revocation)
{
	struct revocation_summary summary;

	OK(revoke_number(7, "ca", REASON_SUPERSEDED, true, &summary, &fault));
	for (int i = 0; i < 2; i++) {
		OK(revoke_number(7, "ca", REASON_KEY_COMPROMISE, i == 0, &summary, &fault));
		cr_expect_eq(summary.revoked, 0);
		cr_expect_eq(summary.already, 1);
		cr_expect_eq(status_of(7).reason, REASON_SUPERSEDED);
	}
}

Test(unrecorded, is_listed_in_order_with_the_recorded_ones)
{
	struct revocation_summary summary;

	for (uint32_t number = 1; number < 9; number++)
		OK(revoke_number(number, "ca", REASON_SUPERSEDED, true, &summary, &fault));
	cr_expect_eq(count_listed(2000), 8);
	cr_expect_eq(count_listed(2001), 6, "two have certificates, which have ended");
}

/* catalogue 68: nobody knows whose it is. */
Test(unrecorded, is_not_for_clients)
{
	struct revocation_summary summary;

	OK(revoke_number(7, "ca", REASON_SUPERSEDED, true, &summary, &fault));
	for (uint32_t number = 7; number < 9; number++)
		REFUSED(revoke_number(number, "a", REASON_SUPERSEDED, true, &summary, &fault),
			FAULT_NOT_FOUND, "no certificate of this CA has it");
	cr_expect_eq(count_listed(0), 1);
}

/* It would be on no CRL, for none could be made. */
Test(unrecorded, refuses_a_serial_that_no_crl_can_have)
{
	static const uint8_t serials[][SERIAL_MAX] = {{0x80, 1}, {0xff, 1}, {0, 1}, {0}};

	for (size_t i = 0; i < COUNT_OF(serials); i++) {
		const struct revocation revocation = {.serials = &serials[i],
						      .serial_count = 1,
						      .unrecorded_until_s = UNTIL_S,
						      .by = "ca",
						      .now_s = REVOKED_AT_S};
		struct revocation_summary summary;

		REFUSED(revoke_certificates(store, &revocation, NULL, NULL, &summary, &fault),
			FAULT_REFUSED, "expected one of this CA's");
	}
	cr_expect_eq(count_listed(0), 0);
}

static struct revocation_summary recover(const struct issued_certificate *record, bool dry_run)
{
	const struct revocation revocation = {.recovered = record,
					      .recovered_count = 1,
					      .by = "ca",
					      .now_s = REVOKED_AT_S,
					      .dry_run = dry_run};
	struct revocation_summary summary = {0};

	OK(revoke_certificates(store, &revocation, NULL, NULL, &summary, &fault));
	return summary;
}

/* catalogue 105: with the certificate at hand it gets its row. */
Test(unrecorded, becomes_recorded_when_its_certificate_is_there)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	struct audit_verdict verdict;
	size_t count;

	make_record(&record, "ca", 7);
	cr_expect_eq(recover(&record, true).revoked, 1);
	cr_expect_not(status_of(7).found, "a dry run changes nothing");
	cr_expect_eq(recover(&record, false).revoked, 1);
	cr_expect(status_of(7).revoked);
	OK(count_of(store, "ca", &count, &fault));
	cr_expect_eq(count, 1);
	OK(verify_audit(store, &verdict, &fault));
	cr_expect_eq(verdict.lines, 4, "two that were issued; recovered; revoked");
}

/* Its public key was certified again since, or pruned: it cannot have a row, and is revoked. */
Test(unrecorded, is_revoked_without_a_row_when_its_key_is_taken)
{
	for (int spent = 0; spent < 2; spent++) {
		CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
		size_t count;

		tear_down();
		set_up();
		if (spent)
			run_foreign_sql(scratch.path,
					"INSERT INTO spent_key SELECT key_sha256 FROM certificate"
					" WHERE id = 1; DELETE FROM certificate WHERE id = 1");
		make_record(&record, "ca", 1);
		record.serial[19] ^= 1;
		cr_expect_eq(recover(&record, false).revoked, 1);
		OK(count_of(store, "ca", &count, &fault));
		cr_expect_eq(count, 0);
		cr_expect_eq(count_listed(2000), 1);
		cr_expect_eq(count_listed(2001), 0, "its own end is known");
	}
}
