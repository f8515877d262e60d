#include "common/ca/store/revoke.h"

#include "common/base/clock.h"
#include "common/ca/store/audit.h"
#include "common/ca/store/clients.h"
#include "common/ca/store/crl_state.h"
#include "common/ca/store/driver.h"
#include "common/ca/store/issuers.h"
#include "common/x509/revocation/crl_reason.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { REVOKED_AT_S = 1500 };

static struct scratch_store scratch;
static struct store *store;

/* A record with clients "a" and "b", and certificates 1 to 3 of a, 11 and 12 of b. */
static void set_up(void)
{
	static const char sql[] =
		"INSERT INTO client (name, subject, alt_names, keys, validity, certificates,"
		" requests_per_minute, by_hand) VALUES ('a', 'CN=a', '', 'all', 0, 1000, 1000, 0),"
		" ('b', 'CN=b', '', 'all', 0, 1000, 1000, 0)";

	make_scratch_store(&scratch);
	run_foreign_sql(scratch.path, sql);
	store = open_scratch_store(&scratch);
	for (uint32_t i = 1; i <= 3; i++)
		insert_one(store, "a", i);
	for (uint32_t i = 11; i <= 12; i++)
		insert_one(store, "b", i);
}

static void tear_down(void)
{
	free_store(&store);
	remove_scratch_store(&scratch);
}

TestSuite(revoke, .init = set_up, .fini = tear_down);

static void serial_of(uint32_t number, uint8_t ret_serial[static SERIAL_MAX])
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};

	make_record(&record, "a", number);
	memcpy(ret_serial, record.serial, SERIAL_MAX);
}

/* Reads the certificate of a number. */
static void find_number(uint32_t number, struct issued_certificate *ret_record)
{
	uint8_t serial[SERIAL_MAX];
	bool found = false;

	serial_of(number, serial);
	OK(find_by_serial(store, serial, ret_record, &found, &fault));
	cr_assert(found);
}

static bool is_revoked(uint32_t number)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};

	find_number(number, &record);
	return record.revoked;
}

static int64_t revision_of(void)
{
	struct crl_state state;

	OK(read_crl_state(store, FIRST_ISSUER, &state, &fault));
	return state.revision;
}

struct reported {
	struct revoked_certificate last;
	size_t count;
};

static int count_revoked(void *context, const struct revoked_certificate *revoked,
			 struct fault *fault)
{
	struct reported *reported = context;

	(void)fault;
	reported->last = *revoked;
	reported->count++;
	return 0;
}

/* Revokes the two by serial, for `by`. */
static int revoke_two(uint32_t first, uint32_t second, const char *by, struct reported *reported,
		      struct revocation_summary *summary, struct fault *fault)
{
	uint8_t serials[2][SERIAL_MAX];
	const struct revocation revocation = {
		.serials = (const uint8_t(*)[SERIAL_MAX])serials,
		.serial_count = 2,
		.by = by,
		.reason = REASON_KEY_COMPROMISE,
		.now_s = REVOKED_AT_S,
	};

	serial_of(first, serials[0]);
	serial_of(second, serials[1]);
	return revoke_certificates(store, &revocation, count_revoked, reported, summary, fault);
}

/* catalogue 59: a serial that is unknown; catalogue 68: another client's certificate */
Test(revoke, revokes_nothing_when_one_of_them_is_refused)
{
	static const struct {
		uint32_t second;
		const char *by;
		enum fault_class class;
		const char *reason;
	} rows[] = {
		{99, "ca", FAULT_NOT_FOUND, ": no certificate of this CA has it"},
		{11, "a", FAULT_REFUSED, " is not one of a's: it stays"},
		{99, "a", FAULT_NOT_FOUND, ": no certificate of this CA has it"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct revocation_summary summary;
		struct reported reported = {0};

		tear_down();
		set_up();
		REFUSED(revoke_two(1, rows[i].second, rows[i].by, &reported, &summary, &fault),
			rows[i].class, rows[i].reason);
		cr_expect(!is_revoked(1));
		cr_expect(!is_revoked(11));
		cr_expect_eq(revision_of(), 0);
	}
}

/* What the others read before, they do not say any more afterwards. */
Test(revoke, waits_in_a_shared_record_until_the_other_front_ends_know)
{
	struct reported reported = {0};
	struct revocation_summary summary;
	int64_t began_us;

	store->shared = true;
	for (size_t times = 1; times <= 2; times++) {
		began_us = read_uptime_us();
		OK(revoke_two(1, 2, "ca", &reported, &summary, &fault));
		cr_expect_gt(read_uptime_us() - began_us, SETTLING_US, "time %zu", times);
	}
}

Test(revoke, refuses_an_unknown_client)
{
	const struct revocation revocation = {.client = "nobody", .by = "ca", .now_s = 1};
	struct revocation_summary summary;

	REFUSED_AS(revoke_certificates(store, &revocation, NULL, NULL, &summary, &fault),
		   FAULT_NOT_FOUND, "the CA's record has no client \"nobody\"");
}

/* catalogue 59, 60 */
Test(revoke, keeps_the_first_date_and_reason)
{
	const struct revocation again = {
		.query = &(struct certificate_query){.client = "a"}, .by = "ca", .now_s = 1800};
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	struct revocation_summary summary;
	struct reported reported = {0};

	OK(revoke_two(1, 2, "a", &reported, &summary, &fault));
	cr_expect_eq(summary.revoked, 2);
	cr_expect(!reported.last.already);
	OK(revoke_two(2, 2, "ca", &reported, &summary, &fault));
	cr_expect_eq(summary.revoked, 0);
	cr_expect_eq(summary.already, 2);
	cr_expect(reported.last.already);
	cr_expect_eq(reported.last.revoked_at_s, REVOKED_AT_S);
	cr_expect_eq(revision_of(), 1, "nothing changed the second time");
	OK(revoke_certificates(store, &again, NULL, NULL, &summary, &fault));
	cr_expect_eq(summary.revoked, 1, "the third one alone");
	find_number(2, &record);
	cr_expect(record.revoked);
	cr_expect_eq(record.revoked_at_s, REVOKED_AT_S);
	cr_expect_eq(record.reason, REASON_KEY_COMPROMISE);
}

Test(revoke, changes_nothing_in_a_dry_run)
{
	const struct revocation revocation = {
		.client = "a", .by = "ca", .now_s = REVOKED_AT_S, .dry_run = true};
	CLEANUP(clear_client) struct client client = {0};
	struct revocation_summary summary;
	struct reported reported = {0};
	bool found;

	OK(revoke_certificates(store, &revocation, count_revoked, &reported, &summary, &fault));
	cr_expect_eq(summary.revoked, 3);
	cr_expect_eq(reported.count, 3);
	cr_expect(summary.client_barred);
	cr_expect(!is_revoked(1));
	OK(read_client(store, "a", &client, &found, &fault));
	cr_expect(found && !client.revoked);
	cr_expect_eq(revision_of(), 0);
}

Test(revoke, revokes_the_certificates_of_a_query_that_are_not_expired)
{
	static const struct {
		struct certificate_query query;
		int64_t now_s;
		size_t revoked;
	} rows[] = {
		{{0}, REVOKED_AT_S, 5},
		{{.client = "b"}, REVOKED_AT_S, 2},
		{{.client = "b", .member = "key12"}, REVOKED_AT_S, 1},
		{{.subject = "CN=some*"}, REVOKED_AT_S, 5},
		{{.subject = "CN=other*"}, REVOKED_AT_S, 0},
		{{.issued_before_s = 1000}, REVOKED_AT_S, 0},
		{{.issued_before_s = 1001}, REVOKED_AT_S, 5},
		{{0}, 2001, 0}, /* all have expired */
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct revocation revocation = {
			.query = &rows[i].query, .by = "ca", .now_s = rows[i].now_s};
		struct revocation_summary summary;

		tear_down();
		set_up();
		OK(revoke_certificates(store, &revocation, NULL, NULL, &summary, &fault));
		cr_expect_eq(summary.revoked, rows[i].revoked, "row %zu: %zu", i, summary.revoked);
		cr_expect(!summary.client_barred);
	}
}

static enum insert_result try_to_insert(struct store *into, const char *client, uint32_t number)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	enum insert_result result = INSERTED;

	make_record(&record, client, number);
	OK(store_records(into, &record, 1, 1000, &result, &fault));
	return result;
}

Test(revoke, takes_a_clients_pool_and_its_right_to_enroll)
{
	const struct revocation revocation = {.client = "a", .by = "ca", .now_s = REVOKED_AT_S};
	struct audit_verdict verdict;
	struct revocation_summary summary;

	OK(revoke_certificates(store, &revocation, NULL, NULL, &summary, &fault));
	cr_expect_eq(summary.revoked, 3);
	cr_expect(summary.client_barred);
	cr_expect_eq(try_to_insert(store, "a", 4), CLIENT_BARRED);
	cr_expect_eq(try_to_insert(store, "a", 1), KEY_EXISTS);
	cr_expect_eq(try_to_insert(store, "b", 13), INSERTED);
	OK(revoke_certificates(store, &revocation, NULL, NULL, &summary, &fault));
	cr_expect_eq(summary.revoked, 0);
	cr_expect(!summary.client_barred, "it was already");
	cr_expect_eq(revision_of(), 1);
	OK(verify_audit(store, &verdict, &fault));
	cr_expect(!verdict.verdict.invalid, "%s", verdict.verdict.reason);
}

/* Goes on while its client is revoked. */
struct enrolment {
	uint32_t inserted;
	bool barred;
};

static void *enroll_on(void *context)
{
	struct enrolment *enrolment = context;
	struct store *own = open_scratch_store(&scratch);

	for (uint32_t i = 100; i < 100000 && !enrolment->barred; i++) {
		enum insert_result result = try_to_insert(own, "a", i);

		enrolment->barred = result == CLIENT_BARRED;
		enrolment->inserted += result == INSERTED;
	}
	free_store(&own);
	return NULL;
}

/* catalogue 90: with a store of its own, like another process */
Test(revoke, lets_no_certificate_slip_out_while_the_client_enrolls)
{
	const struct revocation revocation = {.client = "a", .by = "ca", .now_s = REVOKED_AT_S};
	struct enrolment enrolment = {0};
	struct revocation_summary summary;
	pthread_t thread;
	size_t valid = 7;

	cr_assert_eq(pthread_create(&thread, NULL, enroll_on, &enrolment), 0);
	while (valid < 20) {
		const struct certificate_query query = {.client = "a"};

		OK(count_certificates(store, &query, &valid, &fault));
	}
	OK(revoke_certificates(store, &revocation, NULL, NULL, &summary, &fault));
	cr_assert_eq(pthread_join(thread, NULL), 0);
	cr_expect(enrolment.barred);
	cr_expect_eq(summary.revoked, 3 + enrolment.inserted);
	OK(count_certificates(store,
			      &(struct certificate_query){
				      .client = "a", .state = STATE_LIVE, .now_s = REVOKED_AT_S},
			      &valid, &fault));
	cr_expect_eq(valid, 0);
}

/* The audit log has the second. */
Test(revoke, rounds_the_time_down_but_for_a_compromised_key)
{
	static const struct {
		int reason;
		struct revocation_rounding rounding;
		int64_t expected_s;
	} rows[] = {
		{REASON_SUPERSEDED, {0, false}, REVOKED_AT_S},
		{REASON_SUPERSEDED, {1, false}, REVOKED_AT_S},
		{REASON_SUPERSEDED, {1000, false}, 1000},
		{REASON_UNSPECIFIED, {REVOKED_AT_S, true}, REVOKED_AT_S},
		{REASON_KEY_COMPROMISE, {1000, false}, REVOKED_AT_S},
		{REASON_KEY_COMPROMISE, {1000, true}, 1000},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
		const struct revocation revocation = {.client = "a",
						      .by = "ca",
						      .reason = rows[i].reason,
						      .now_s = REVOKED_AT_S,
						      .rounding = rows[i].rounding};
		struct revocation_summary summary;
		struct reported reported = {0};

		tear_down();
		set_up();
		OK(revoke_certificates(store, &revocation, count_revoked, &reported, &summary,
				       &fault));
		cr_expect_eq(reported.last.revoked_at_s, rows[i].expected_s, "row %zu", i);
		find_number(1, &record);
		cr_expect_eq(record.revoked_at_s, rows[i].expected_s, "row %zu", i);
	}
}

/* What it sees is committed. */
static void count_revoked_now(void *context)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	size_t *calls = context;

	find_number(1, &record);
	cr_expect_eq(record.revoked_at_s, REVOKED_AT_S);
	++*calls;
}

Test(revoke, tells_who_watches_after_the_commit)
{
	const struct certificate_query one = {.client = "a", .member = "key1"};
	struct revocation revocation = {
		.by = "ca", .query = &one, .now_s = REVOKED_AT_S, .dry_run = true};
	struct revocation_summary summary;
	size_t calls = 0;

	watch_revocations(store, count_revoked_now, &calls);
	OK(revoke_certificates(store, &revocation, NULL, NULL, &summary, &fault));
	cr_expect_eq(calls, 0);
	revocation.dry_run = false;
	OK(revoke_certificates(store, &revocation, NULL, NULL, &summary, &fault));
	cr_expect_eq(summary.revoked, 1);
	cr_expect_eq(calls, 1);
	watch_revocations(store, NULL, NULL);
	OK(revoke_certificates(store, &revocation, NULL, NULL, &summary, &fault));
	cr_expect_eq(calls, 1);
}
