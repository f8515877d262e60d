#include "common/ca/store/audit.h"
#include "common/ca/store/certificates.h"
#include "common/ca/store/clients.h"
#include "common/ca/store/fleet.h"
#include "common/ca/store/prune.h"
#include "common/ca/store/revoke.h"
#include "common/ca/store/statement.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"
#include "tests/unit/ca/store/postgresql/pg_record.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static const char add_sql[] = "INSERT INTO audit (id, line) VALUES (?1, 'x')";
static const char count_sql[] = "SELECT COUNT(*) FROM audit";
static const char end_sessions[] =
	"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
	" WHERE datname = current_database() AND pid <> pg_backend_pid()";

static const char undo[] = "RAISE EXCEPTION 'of the test' USING ERRCODE = '40001'";

static struct scratch_store scratch;
static struct store *store;

static void set_up(void)
{
	open_pg_record(&scratch, &store);
}

static void tear_down(void)
{
	close_pg_record(&scratch, &store);
}

TestSuite(postgresql_store, .init = set_up, .fini = tear_down);

static int try_add(struct store *to, int64_t sequence, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(to, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    run_statement(&transaction, add_sql, VALUES(number_value(sequence)), NULL, fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

static int64_t count_lines(enum transaction_mode mode)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	int64_t count = -1;

	OK(begin_transaction(store, mode, &transaction, &fault));
	OK(query_number(&transaction, count_sql, NO_VALUES, &count, &fault));
	return count;
}

Test(postgresql_store, names_the_record_without_its_parameters)
{
	need_postgresql();
	cr_expect_str_eq(store_name(store), scratch.name);
	cr_expect_null(strchr(store_name(store), '?'));
}

Test(postgresql_store, refuses_a_database_without_a_record)
{
	char url[300];
	struct store *opened = NULL;
	bool found = true;

	need_postgresql();
	make_database(url, sizeof(url));
	OK(find_store(url, &found, &fault));
	cr_expect_not(found);
	REFUSED(open_store(url, &opened, &fault), FAULT_NOT_FOUND,
		"expected the CA's record, found a database without one");
	SAID("run certpool init");
	OK(create_store(url, &fault));
	OK(create_store(url, &fault));
	OK(find_store(url, &found, &fault));
	cr_expect(found);
	OK(open_store(url, &opened, &fault));
	free_store(&opened);
	remove_database(url);
}

Test(postgresql_store, refuses_a_newer_record_also_while_it_is_open)
{
	need_postgresql();
	OK(try_add(store, 1, &fault));
	run_foreign_sql(scratch.path, "UPDATE state SET version = 99");
	REFUSED(try_add(store, 2, &fault), FAULT_FAILED, "found version 99");
	expect_store_refused(scratch.path, FAULT_FAILED, "found version 99: use the certpool that");
	run_foreign_sql(scratch.path, "UPDATE state SET version = 7");
	OK(try_add(store, 2, &fault));
}

Test(postgresql_store, refuses_a_record_without_its_state)
{
	need_postgresql();
	OK(try_add(store, 1, &fault));
	run_foreign_sql(scratch.path, "DELETE FROM state");
	REFUSED(try_add(store, 2, &fault), FAULT_FAILED, "whose table state is empty: restore");
	expect_store_refused(scratch.path, FAULT_FAILED, "whose table state is empty: restore");
}

Test(postgresql_store, says_which_right_a_role_lacks)
{
	char url[400];
	struct store *opened = NULL;

	need_postgresql();
	run_foreign_sql(
		scratch.path,
		"DO $$ BEGIN CREATE ROLE stranger LOGIN; EXCEPTION WHEN OTHERS THEN END $$");
	(void)snprintf(url, sizeof(url), "%.*s&user=stranger",
		       (int)(strstr(scratch.path, "&user=") - scratch.path), scratch.path);
	REFUSED(open_store(url, &opened, &fault), FAULT_FAILED,
		"lacks a right: make it the owner of the database");
}

Test(postgresql_store, says_when_no_server_answers)
{
	struct store *opened = NULL;

	need_postgresql();
	REFUSED(open_store("postgresql:///x?host=/nonexistent&user=certpool", &opened, &fault),
		FAULT_UNREACHABLE, "postgresql:///x: the database cannot be reached");
	REFUSED(open_store("postgresql:///x?nonsense=1", &opened, &fault), FAULT_USAGE,
		"expected a URL of libpq");
}

/* As after a restart of the server, or a failover. */
Test(postgresql_store, connects_again_when_its_sessions_were_ended)
{
	static const enum transaction_mode modes[] = {TRANSACTION_READ, TRANSACTION_SCAN};

	need_postgresql();
	OK(try_add(store, 1, &fault));
	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		cr_expect_eq(count_lines(modes[i]), 1);
		run_foreign_sql(scratch.path, end_sessions);
		cr_expect_eq(count_lines(modes[i]), 1);
	}
	run_foreign_sql(scratch.path, end_sessions);
	OK(try_add(store, 2, &fault));
	cr_expect_eq(count_lines(TRANSACTION_READ), 2);
}

Test(postgresql_store, undoes_a_transaction_whose_session_was_ended)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};

	need_postgresql();
	OK(begin_transaction(store, TRANSACTION_WRITE, &transaction, &fault));
	OK(run_statement(&transaction, add_sql, VALUES(number_value(1)), NULL, &fault));
	run_foreign_sql(scratch.path, end_sessions);
	REFUSED(run_statement(&transaction, add_sql, VALUES(number_value(2)), NULL, &fault),
		FAULT_INTERRUPTED, "the connection to the database was lost");
	end_transaction(&transaction);
	cr_expect_eq(count_lines(TRANSACTION_READ), 0);
	OK(try_add(store, 1, &fault));
}

/* It is sent with the next one that has an answer, or with the COMMIT. */
Test(postgresql_store, fails_with_a_statement_that_nothing_waited_for)
{
	static const char again_sql[] = "SELECT 7";
	int64_t number;

	need_postgresql();
	for (int i = 0; i < 2; i++) {
		CLEANUP(end_transaction) struct transaction transaction = {0};
		CLEANUP(close_rows) struct rows never_read = {0};

		OK(begin_transaction(store, TRANSACTION_WRITE, &transaction, &fault));
		OK(run_later(&transaction, add_sql, VALUES(number_value(1)), &fault));
		OK(run_later(&transaction, add_sql, VALUES(number_value(1)), &fault));
		OK(query_rows(&transaction, count_sql, NO_VALUES, &never_read, &fault));
		close_rows(&never_read);
		if (i == 0)
			REFUSED(query_number(&transaction, again_sql, NO_VALUES, &number, &fault),
				FAULT_FAILED, "audit_pkey");
		else
			REFUSED(commit_transaction(&transaction, &fault), FAULT_FAILED,
				"audit_pkey");
	}
	cr_expect_eq(count_lines(TRANSACTION_READ), 0);
	OK(try_add(store, 1, &fault));
}

Test(postgresql_store, reads_several_queries_that_were_begun_together)
{
	static const char first_sql[] = "SELECT 1 UNION ALL SELECT 2 ORDER BY 1";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows first = {0};
	CLEANUP(close_rows) struct rows second = {0};
	bool row;

	need_postgresql();
	OK(begin_transaction(store, TRANSACTION_WRITE, &transaction, &fault));
	OK(query_rows(&transaction, first_sql, NO_VALUES, &first, &fault));
	OK(run_later(&transaction, add_sql, VALUES(number_value(1)), &fault));
	OK(query_rows(&transaction, count_sql, NO_VALUES, &second, &fault));
	OK(next_row(&second, &row, &fault));
	cr_expect_eq(row_number(&second, 0), 1);
	OK(next_row(&first, &row, &fault));
	OK(next_row(&first, &row, &fault));
	cr_expect_eq(row_number(&first, 0), 2);
	close_rows(&first);
	close_rows(&second);
	OK(commit_transaction(&transaction, &fault));
	cr_expect_eq(count_lines(TRANSACTION_READ), 1);
}

Test(postgresql_store, does_not_know_the_outcome_of_a_commit_without_an_answer)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	struct fault problem = {0};

	need_postgresql();
	OK(begin_transaction(store, TRANSACTION_WRITE, &transaction, &fault));
	OK(run_statement(&transaction, add_sql, VALUES(number_value(1)), NULL, &fault));
	run_foreign_sql(scratch.path, end_sessions);
	cr_expect_eq(commit_transaction(&transaction, &problem), -1);
	expect_fault(&problem, FAULT_INTERRUPTED,
		     "whether the change was made is not known: ask again");
	cr_expect_not(should_repeat(&transaction, &problem), "it may have been made");
}

/* A server answers so when the wait for its standby is cancelled: "canceling wait for synchronous
   replication due to user request". */
Test(postgresql_store, takes_a_warning_at_commit_for_an_unknown_outcome)
{
	need_postgresql();
	run_foreign_sql(scratch.path,
			"CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS"
			" $$ BEGIN RAISE WARNING 'of the test'; RETURN NULL; END $$;"
			"CREATE CONSTRAINT TRIGGER warner AFTER INSERT ON audit DEFERRABLE"
			" INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION warn()");
	REFUSED(try_add(store, 1, &fault), FAULT_INTERRUPTED,
		"not known: ask again, or look (of the");
	run_foreign_sql(scratch.path, "DROP TRIGGER warner ON audit");
	OK(try_add(store, 2, &fault));
}

/* As a front end that was stopped (SIGSTOP), or whose host was lost, in the middle of a write. The
   server ends its session after three seconds. */
Test(postgresql_store, goes_on_beside_a_writer_that_hangs)
{
	CLEANUP(free_store) struct store *hanging = NULL;
	CLEANUP(end_transaction) struct transaction transaction = {0};

	need_postgresql();
	OK(open_store(scratch.path, &hanging, &fault));
	OK(begin_transaction(hanging, TRANSACTION_WRITE, &transaction, &fault));
	OK(run_statement(&transaction, add_sql, VALUES(number_value(1)), NULL, &fault));
	OK(try_add(store, 2, &fault));
	cr_expect_eq(commit_transaction(&transaction, NULL), -1);
	cr_expect_eq(count_lines(TRANSACTION_READ), 1);
	OK(try_add(hanging, 3, &fault));
	cr_expect_eq(count_lines(TRANSACTION_READ), 2);
}

/* Has the first two commits that insert into, or update, a table do what the statement says. A
   sequence keeps its number when a transaction is undone. */
static void disturb_table(const char *act, const char *table, const char *raise)
{
	char sql[512];

	(void)snprintf(sql, sizeof(sql),
		       "CREATE SEQUENCE attempts;"
		       "CREATE FUNCTION disturb() RETURNS trigger LANGUAGE plpgsql AS"
		       " $$ BEGIN IF nextval('attempts') <= 2 THEN %s; END IF; RETURN NULL; END $$;"
		       "CREATE CONSTRAINT TRIGGER disturber AFTER %s ON %s DEFERRABLE"
		       " INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION disturb()",
		       raise, act, table);
	run_foreign_sql(scratch.path, sql);
}

static void expect_one_certificate(enum insert_result expected)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	enum insert_result result = OVER_QUOTA;

	make_record(&record, "client1", 1);
	OK(store_records(store, &record, 1, 10, &result, &fault));
	cr_expect_eq(result, expected);
	cr_expect(has_record(store, "client1", 1));
	cr_expect_eq(count_lines(TRANSACTION_READ), 1, "one line in the audit log");
}

Test(postgresql_store, inserts_again_after_a_serialization_failure)
{
	need_postgresql();
	disturb_table("INSERT", "certificate", undo);
	expect_one_certificate(INSERTED);
}

/* What was committed is found the second time, as what it is, and has no second line in the audit
   log. */
Test(postgresql_store, asks_again_when_the_outcome_of_a_batch_is_unknown)
{
	need_postgresql();
	disturb_table("INSERT", "certificate", "RAISE WARNING 'of the test'");
	expect_one_certificate(INSERTED);
}

static const struct event noted = {
	.kind = EVENT_BACKUP, .time_s = 5, .by = CA_NAME, .detail = "b.tar"};

/* An operator is not told to do again what is done. */
Test(postgresql_store, finds_out_what_became_of_a_change)
{
	need_postgresql();
	disturb_table("INSERT", "audit", "RAISE WARNING 'of the test'");
	OK(record_event(store, &noted, &fault));
	cr_expect_eq(count_lines(TRANSACTION_READ), 1);
}

Test(postgresql_store, finds_out_that_a_change_was_undone)
{
	need_postgresql();
	disturb_table("INSERT", "audit", undo);
	REFUSED(record_event(store, &noted, &fault), FAULT_INTERRUPTED,
		"the database undid the change: ask again");
	cr_expect_eq(count_lines(TRANSACTION_READ), 0);
}

static int count_revoked(void *context, const struct revoked_certificate *revoked,
			 struct fault *fault)
{
	size_t *count = context;

	(void)fault;
	cr_expect_not(revoked->already);
	++*count;
	return 0;
}

/* Each is told once, and logged once, in whatever attempt it was revoked. */
static void expect_revoked(const char *raise)
{
	const struct certificate_query all = {.client = "client1"};
	const struct revocation revocation = {
		.by = CA_NAME, .query = &all, .reason = 1, .now_s = 1500};
	struct revocation_summary summary = {0};
	size_t count = 0;

	need_postgresql();
	fill_scratch_store(&scratch, 3);
	disturb_table("UPDATE", "certificate", raise);
	OK(revoke_certificates(store, &revocation, count_revoked, &count, &summary, &fault));
	cr_expect_eq(count, 3);
	cr_expect_eq(summary.revoked, 3);
	cr_expect_eq(summary.already, 0);
}

Test(postgresql_store, revokes_again_after_a_serialization_failure)
{
	expect_revoked(undo);
}

Test(postgresql_store, finds_out_that_certificates_are_revoked)
{
	expect_revoked("RAISE WARNING 'of the test'");
}

/* Has the first two attempts of the next change fail. */
static void undo_next(void)
{
	run_foreign_sql(scratch.path, "ALTER SEQUENCE attempts RESTART");
}

/* An addition would be refused where the one before had been made. */
Test(postgresql_store, changes_clients_again_after_a_serialization_failure)
{
	char subject[] = "CN=new";
	const struct client client = {.name = "new",
				      .policy = {.subject = subject,
						 .keys = {true},
						 .certificates = 1,
						 .requests_per_minute = 1,
						 .usages = 1}};
	const struct invitation_note note = {.client = "new", .now_s = 6};
	bool changed = false;

	need_postgresql();
	disturb_table("INSERT OR UPDATE", "client", undo);
	OK(write_client(store, &client, CLIENT_ADD, 5, &fault));
	undo_next();
	OK(note_invitation(store, &note, &fault));
	undo_next();
	OK(set_client_disabled(store, "new", true, 7, &changed, &fault));
	cr_expect(changed);
	undo_next();
	OK(remove_client(store, "new", 8, &changed, &fault));
	cr_expect(changed);
	cr_expect_eq(count_lines(TRANSACTION_READ), 4);
}

Test(postgresql_store, prunes_again_after_a_serialization_failure)
{
	const struct prune_options options = {.ended_before_s = INT64_MAX, .now_s = 5};
	struct prune_summary pruned;

	need_postgresql();
	fill_scratch_store(&scratch, 3);
	disturb_table("DELETE", "certificate", undo);
	OK(prune_certificates(store, &options, NULL, NULL, &pruned, &fault));
	cr_expect_eq(pruned.certificates, 3);
}

enum { RIVAL_KEYS = 20, RIVAL_ROUNDS = 10 };

/* A front end with a store of its own, which records the keys of each round as one batch. */
struct rival {
	bool backwards;
	size_t inserted;
	size_t failures;
};

static void *record_batches(void *argument)
{
	struct rival *rival = argument;
	CLEANUP(free_store) struct store *own = NULL;

	rival->failures = open_store(scratch.path, &own, NULL) < 0;
	for (uint32_t round = 0; round < RIVAL_ROUNDS && own != NULL; round++) {
		struct issued_certificate records[RIVAL_KEYS];
		enum insert_result results[RIVAL_KEYS];

		for (uint32_t i = 0; i < RIVAL_KEYS; i++)
			make_record(&records[i], "client1",
				    round * RIVAL_KEYS +
					    (rival->backwards ? RIVAL_KEYS - 1 - i : i));
		rival->failures += store_records(own, records, RIVAL_KEYS, 1000, results, NULL) < 0;
		for (uint32_t i = 0; i < RIVAL_KEYS; i++) {
			rival->inserted += results[i] == INSERTED;
			clear_issued_certificate(&records[i]);
		}
	}
	return NULL;
}

/* catalogue 127 */
Test(postgresql_store, records_keys_in_opposite_order_at_two_front_ends)
{
	struct rival rivals[] = {{.backwards = false}, {.backwards = true}};
	pthread_t threads[COUNT_OF(rivals)];
	size_t count = 0;

	need_postgresql();
	for (size_t i = 0; i < COUNT_OF(rivals); i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, record_batches, &rivals[i]), 0);
	for (size_t i = 0; i < COUNT_OF(rivals); i++) {
		cr_assert_eq(pthread_join(threads[i], NULL), 0);
		cr_expect_eq(rivals[i].failures, 0);
	}
	OK(count_of(store, "client1", &count, &fault));
	cr_expect_eq(count, RIVAL_KEYS * RIVAL_ROUNDS);
	cr_expect_eq(rivals[0].inserted + rivals[1].inserted, count);
}

static int count_listed(void *context, const struct issued_certificate *certificate, int64_t id,
			struct fault *fault)
{
	(void)certificate;
	(void)id;
	(void)fault;
	++*(size_t *)context;
	return 0;
}

Test(postgresql_store, lists_more_rows_than_it_fetches_at_a_time)
{
	static const uint32_t counts[] = {499, 500, 501, 1000};

	need_postgresql();
	for (size_t i = 0; i < COUNT_OF(counts); i++) {
		const struct listing listing = {.without_der = true};
		size_t listed = 0;

		run_foreign_sql(scratch.path, "DELETE FROM certificate");
		insert_many(store, "client1", counts[i]);
		OK(list_certificates(store, &listing, count_listed, &listed, NULL, &fault));
		cr_expect_eq(listed, counts[i]);
	}
}

Test(postgresql_store, says_good_only_with_a_recent_commit)
{
	need_postgresql();
	REFUSED(check_store_recent(store, &fault), FAULT_BUSY, "no commit yet");
	OK(confirm_store(store, &fault));
	OK(check_store_recent(store, &fault));
}
