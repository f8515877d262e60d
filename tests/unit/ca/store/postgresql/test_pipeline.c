#include "common/ca/store/certificates.h"
#include "common/ca/store/revoke.h"
#include "common/ca/store/statement.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/store/postgresql/pg_record.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static const char add_sql[] = "INSERT INTO audit (id, line) VALUES (?1, ?2)";
static const char count_sql[] = "SELECT COUNT(*) FROM audit";

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

TestSuite(pipeline, .init = set_up, .fini = tear_down);

/* Several together are more than the library keeps before it sends. */
static int add_later(struct transaction *transaction, int64_t id, struct fault *fault)
{
	static char line[4096];

	memset(line, 'x', sizeof(line) - 1);
	return run_later(transaction, add_sql, VALUES(number_value(id), text_value(line)), fault);
}

static int add_line(struct store *to, int64_t id, struct fault *fault)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};

	if (begin_transaction(to, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    add_later(&transaction, id, fault) < 0)
		return -1;
	return commit_transaction(&transaction, fault);
}

static int64_t ask(struct store *of, enum transaction_mode mode, const char *sql,
		   struct values values)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	int64_t number = -1;

	OK(begin_transaction(of, mode, &transaction, &fault));
	OK(query_number(&transaction, sql, values, &number, &fault));
	return number;
}

static int64_t count_rows(struct store *of, enum transaction_mode mode, const char *sql)
{
	return ask(of, mode, sql, NO_VALUES);
}

/* As a front end that was stopped (SIGSTOP), or whose host was lost, while it was sending: the
   server waits for the rest of the pipeline, and does not take the session for idle. */
Test(pipeline, goes_on_beside_a_writer_that_hangs_in_the_middle)
{
	CLEANUP(free_store) struct store *hanging = NULL;
	CLEANUP(end_transaction) struct transaction transaction = {0};

	need_postgresql();
	OK(open_store(scratch.path, &hanging, &fault));
	OK(begin_transaction(hanging, TRANSACTION_WRITE, &transaction, &fault));
	for (int64_t id = 1; id <= 20; id++)
		OK(add_later(&transaction, id, &fault));
	OK(add_line(store, 101, &fault));
	cr_expect_eq(commit_transaction(&transaction, NULL), -1);
	cr_expect_eq(count_rows(store, TRANSACTION_READ, count_sql), 1);
	OK(add_line(hanging, 201, &fault));
	cr_expect_eq(count_rows(store, TRANSACTION_READ, count_sql), 2);
}

/* The database has eight seconds for a statement before the COMMIT, whose own limit is shorter. */
Test(pipeline, waits_for_slow_statements_before_the_commit)
{
	need_postgresql();
	run_foreign_sql(scratch.path, "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS"
				      " $$ BEGIN PERFORM pg_sleep(6); RETURN NULL; END $$;"
				      "CREATE TRIGGER dawdler AFTER INSERT ON audit"
				      " FOR EACH STATEMENT EXECUTE FUNCTION dawdle()");
	OK(add_line(store, 1, &fault));
	cr_expect_eq(count_rows(store, TRANSACTION_READ, count_sql), 1);
}

struct counting {
	struct store *store;
	int64_t count;
};

static void *count_as_writer(void *argument)
{
	struct counting *counting = argument;

	counting->count = count_rows(counting->store, TRANSACTION_WRITE, count_sql);
	return NULL;
}

/* Until a session waits for a lock. */
static void await_writer(void)
{
	static const char waiting[] =
		"SELECT COUNT(*) FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a"
		" ON a.pid = l.pid WHERE NOT l.granted AND a.datname = current_database()";

	for (int tries = 0; tries < 100000; tries++)
		if (count_rows(store, TRANSACTION_READ, waiting) > 0)
			break;
}

/* A snapshot from before the wait for the lock would show a quota that is not used up yet. */
Test(pipeline, sees_what_was_written_during_its_wait_whatever_the_default_isolation)
{
	CLEANUP(free_store) struct store *first = NULL;
	CLEANUP(free_store) struct store *second = NULL;
	CLEANUP(end_transaction) struct transaction transaction = {0};
	struct counting counting = {.count = -1};
	pthread_t thread;

	need_postgresql();
	run_foreign_sql(
		scratch.path,
		"DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET "
		"default_transaction_isolation = ''repeatable read''', current_database()); "
		"END $$");
	OK(open_store(scratch.path, &first, &fault));
	OK(open_store(scratch.path, &second, &fault));
	counting.store = second;
	OK(begin_transaction(first, TRANSACTION_WRITE, &transaction, &fault));
	OK(add_later(&transaction, 1, &fault));
	cr_assert_eq(pthread_create(&thread, NULL, count_as_writer, &counting), 0);
	await_writer();
	OK(commit_transaction(&transaction, &fault));
	cr_assert_eq(pthread_join(thread, NULL), 0);
	cr_expect_eq(counting.count, 1);
}

static void *insert_as_writer(void *second)
{
	insert_one(second, "client1", 2);
	return NULL;
}

/* A listing in parts, of which the next begins after the last position of the one before. */
struct parts {
	int64_t after;
	size_t count;
};

static int note_position(void *context, const struct issued_certificate *certificate,
			 int64_t position, struct fault *fault)
{
	struct parts *parts = context;

	(void)certificate;
	(void)fault;
	parts->after = position;
	parts->count++;
	return 0;
}

static size_t list_further(struct parts *parts)
{
	const struct listing listing = {.after = parts->after, .without_der = true};

	OK(list_certificates(store, &listing, note_position, parts, NULL, &fault));
	return parts->count;
}

/* No later row may be listed before one that got its id early and is committed late. */
Test(pipeline, lists_what_is_committed_late)
{
	CLEANUP(free_store) struct store *first = NULL;
	CLEANUP(free_store) struct store *second = NULL;
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(clear_issued_certificate) struct issued_certificate late = {0};
	struct parts parts = {0};
	pthread_t thread;
	bool inserted;

	need_postgresql();
	make_record(&late, "client1", 1);
	insert_one(store, "client1", 0);
	OK(open_store(scratch.path, &first, &fault));
	OK(open_store(scratch.path, &second, &fault));
	OK(begin_transaction(first, TRANSACTION_WRITE, &transaction, &fault));
	OK(insert_recovered(&transaction, &late, 1000, &inserted, &fault));
	cr_assert_eq(pthread_create(&thread, NULL, insert_as_writer, second), 0);
	await_writer();
	cr_expect_eq(list_further(&parts), 1);
	OK(commit_transaction(&transaction, &fault));
	cr_assert_eq(pthread_join(thread, NULL), 0);
	cr_expect_eq(list_further(&parts), 3);
}

/* They do not go with the COMMIT, as fewer do. */
Test(pipeline, inserts_more_rows_than_one_request_has)
{
	enum { ROWS = 1500 };
	size_t count = 0;

	need_postgresql();
	insert_many(store, "client1", ROWS);
	OK(count_of(store, "client1", &count, &fault));
	cr_expect_eq(count, ROWS);
	cr_expect(has_record(store, "client1", ROWS - 1));
}

/* What follows a failure in a request, the server neither runs nor prepares. */
Test(pipeline, prepares_what_came_after_a_failure)
{
	static const char after_sql[] = "SELECT COUNT(*) + ?1 FROM audit";

	need_postgresql();
	OK(add_line(store, 1, &fault));
	for (int i = 0; i < 2; i++) {
		CLEANUP(end_transaction) struct transaction transaction = {0};
		int64_t number;

		OK(begin_transaction(store, TRANSACTION_WRITE, &transaction, &fault));
		OK(add_later(&transaction, 1, &fault));
		REFUSED(query_number(&transaction, after_sql, VALUES(number_value(5)), &number,
				     &fault),
			FAULT_FAILED, "audit_pkey");
	}
	cr_expect_eq(ask(store, TRANSACTION_WRITE, after_sql, VALUES(number_value(5))), 6);
	cr_expect_eq(ask(store, TRANSACTION_WRITE, after_sql, VALUES(number_value(6))), 7);
}

/* As a connection pool that gives the process the session of another one. */
Test(pipeline, takes_another_session_when_its_own_lacks_its_statements)
{
	static const char forget_sql[] = "DEALLOCATE ALL";

	need_postgresql();
	OK(add_line(store, 1, &fault));
	for (int i = 0; i < 2; i++) {
		CLEANUP(end_transaction) struct transaction transaction = {0};

		cr_expect_eq(count_rows(store, TRANSACTION_READ, count_sql), 1);
		OK(begin_transaction(store, TRANSACTION_READ, &transaction, &fault));
		OK(run_statement(&transaction, forget_sql, NO_VALUES, NULL, &fault));
	}
	{
		CLEANUP(end_transaction) struct transaction transaction = {0};

		OK(begin_transaction(store, TRANSACTION_WRITE, &transaction, &fault));
		OK(run_statement(&transaction, forget_sql, NO_VALUES, NULL, &fault));
	}
	OK(add_line(store, 2, &fault));
	cr_expect_eq(count_rows(store, TRANSACTION_READ, count_sql), 2);
}

/* A NULL says nothing of the type that a number has. */
Test(pipeline, runs_one_text_with_a_null_and_without)
{
	static const char sql[] = "SELECT 2 + CASE WHEN CAST(?1 AS bigint) IS NULL THEN 1"
				  " ELSE CAST(?1 AS bigint) END";
	static const enum transaction_mode modes[] = {TRANSACTION_READ, TRANSACTION_WRITE};

	need_postgresql();
	for (size_t i = 0; i < 2 * COUNT_OF(modes); i++) {
		cr_expect_eq(ask(store, modes[i % 2], sql, VALUES(no_value())), 3);
		cr_expect_eq(ask(store, modes[i % 2], sql, VALUES(number_value(INT64_C(1) << 40))),
			     (INT64_C(1) << 40) + 2);
	}
}

Test(pipeline, runs_more_texts_than_a_session_keeps)
{
	enum { TEXTS = 80 };
	static char texts[TEXTS][32];

	need_postgresql();
	for (int64_t i = 0; i < TEXTS; i++)
		(void)snprintf(texts[i], sizeof(texts[i]), "SELECT ?1 + %d", (int)i);
	for (int64_t i = 0; i < 2 * (int64_t)TEXTS; i++)
		cr_expect_eq(
			ask(store, TRANSACTION_WRITE, texts[i % TEXTS], VALUES(number_value(i))),
			i + i % TEXTS);
}
