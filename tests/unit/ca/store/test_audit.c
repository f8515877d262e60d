#include "common/ca/store/audit.h"

#include "common/ca/store/statement.h"

#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A record with five lines. */
static struct store *make_log(struct scratch_store *scratch)
{
	struct store *store;

	make_scratch_store(scratch);
	store = open_scratch_store(scratch);
	for (int64_t i = 1; i <= 5; i++) {
		const struct event event = {
			.kind = EVENT_CRL, .time_s = 1000 + i, .by = "ca", .number = i};

		OK(record_event(store, &event, &fault));
	}
	return store;
}

static void expect_verdict(struct store *store, const char *reason)
{
	struct audit_verdict verdict;

	OK(verify_audit(store, &verdict, &fault));
	cr_expect(verdict.verdict.invalid);
	cr_expect_not_null(strstr(verdict.verdict.reason, reason), "expected \"%s\" in \"%s\"",
			   reason, verdict.verdict.reason);
}

Test(audit, names_the_line_that_was_changed)
{
	static const struct {
		const char *sql;
		const char *reason;
	} rows[] = {
		{"UPDATE audit SET line = replace(line, '\"number\":3', '\"number\":9') WHERE "
		 "id = 3",
		 "line 4: it does not follow from line 3"},
		{"UPDATE audit SET line = 'no JSON' WHERE id = 2", "line 2: changed: "},
		{"UPDATE audit SET line = '{}' WHERE id = 2",
		 "line 2: changed: member \"previous\": expected 64"},
		{"UPDATE audit SET line = (SELECT line FROM audit WHERE id = 1) WHERE "
		 "id = 2",
		 "line 2: changed: it says it is line 1"},
		{"DELETE FROM audit WHERE id = 1", "line 1: expected, and not there"},
		{"DELETE FROM audit WHERE id = 3", "line 3: expected, and not there"},
		{"DELETE FROM audit WHERE id = 5",
		 "line 5: expected, and not there: it was taken away from the end"},
		{"DELETE FROM audit", "line 1: expected, and not there"},
		{"INSERT INTO audit (id, line) SELECT 6, replace(line, '\"sequence\":5', "
		 "'\"sequence\":6') "
		 "FROM audit WHERE id = 5",
		 "line 6: it does not follow from line 5"},
		{"UPDATE audit SET line = replace(line, '\"number\":5', '\"number\":6') WHERE "
		 "id = 5",
		 "line 5: changed: not what was written last"},
		{"UPDATE audit SET id = 9 WHERE id = 5", "line 5: expected, and not there"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct scratch_store scratch;
		struct store *store = make_log(&scratch);

		run_foreign_sql(scratch.path, rows[i].sql);
		expect_verdict(store, rows[i].reason);
		free_store(&store);
		remove_scratch_store(&scratch);
	}
}

/* A record with front ends 1 and 2, each of which has written two lines, and 1 a checkpoint. */
static struct store *make_chains(struct scratch_store *scratch)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	struct store *store;

	make_scratch_store(scratch);
	run_foreign_sql(scratch->path,
			"INSERT INTO front_end (id, name, added_at) VALUES (2, 'ca2', 7);"
			"INSERT INTO audit_chain (front_end) VALUES (2)");
	store = open_scratch_store(scratch);
	for (int64_t i = 0; i < 4; i++) {
		const struct event event = {
			.kind = EVENT_CRL, .time_s = 1000 + i, .by = "ca", .number = i + 1};

		set_store_front_end(store, i % 2 + 1);
		OK(record_event(store, &event, &fault));
	}
	set_store_front_end(store, FIRST_FRONT_END);
	OK(begin_transaction(store, TRANSACTION_WRITE, &transaction, &fault));
	OK(append_checkpoint(&transaction, 1010, &fault));
	OK(commit_transaction(&transaction, &fault));
	return store;
}

Test(audit, has_a_chain_for_each_front_end)
{
	struct scratch_store scratch;
	struct store *store = make_chains(&scratch);
	struct audit_verdict verdict;

	OK(verify_audit(store, &verdict, &fault));
	cr_expect(!verdict.verdict.invalid, "%s", verdict.verdict.reason);
	cr_expect_eq(verdict.chains, 2);
	cr_expect_eq(verdict.lines, 3);
	cr_expect_eq(verdict.all_lines, 5);
	cr_expect_eq(verdict.checkpoints, 1);
	free_store(&store);
	remove_scratch_store(&scratch);
}

/* With it, commit_transaction finds out what became of the transaction. */
Test(audit, leaves_no_line_of_a_transaction_to_the_next_one)
{
	const struct event event = {.kind = EVENT_CRL, .time_s = 1000, .by = "ca", .number = 1};
	struct scratch_store scratch;
	struct store *store;
	struct transaction transaction = {0};

	make_scratch_store(&scratch);
	store = open_scratch_store(&scratch);
	OK(begin_transaction(store, TRANSACTION_WRITE, &transaction, &fault));
	OK(append_event(&transaction, &event, &fault));
	cr_expect_neq(transaction.line_id, 0);
	OK(commit_transaction(&transaction, &fault));
	OK(begin_transaction(store, TRANSACTION_WRITE, &transaction, &fault));
	cr_expect_eq(transaction.line_id, 0);
	end_transaction(&transaction);
	free_store(&store);
	remove_scratch_store(&scratch);
}

/* See line_id. */
#define OF_CA2 "1099511627776"

Test(audit, finds_a_line_changed_dropped_or_inserted_in_the_chain_of_any_front_end)
{
	static const struct {
		const char *sql;
		const char *reason;
	} rows[] = {
		{"UPDATE audit SET line = replace(line, '\"number\":2', '\"number\":9') WHERE "
		 "id = " OF_CA2 " + 1",
		 "ca2: line 2: it does not follow from line 1"},
		{"DELETE FROM audit WHERE id = " OF_CA2 " + 2",
		 "ca2: line 2: expected, and not there: it was taken away from the end"},
		{"DELETE FROM audit WHERE id = 2", "ca1: line 2: expected, and not there"},
		{"INSERT INTO audit SELECT " OF_CA2 " + 3, line FROM audit WHERE id = 3",
		 "ca2: line 3: changed: it says it is of front end 1"},
		{"INSERT INTO audit SELECT id + " OF_CA2 ", line FROM audit WHERE id > " OF_CA2,
		 "lines of front end 3, of which the record does not know: they were put in"},
		{"DELETE FROM audit; DELETE FROM audit_chain",
		 "the record does not know of front end 1"},
		/* A chain that is whole in itself, and is not what it was. */
		{"DELETE FROM audit WHERE id > " OF_CA2
		 "; UPDATE audit_chain SET lines = 0, head = "
		 "trimmed_head WHERE front_end = 2",
		 "front end 2: line 2: not what a checkpoint says of it: the log was written anew"},
		{"UPDATE audit SET line = replace(line, '\"number\":2', '\"number\":9') WHERE "
		 "id = " OF_CA2 " + 1; DELETE FROM audit WHERE id = " OF_CA2
		 " + 2; UPDATE audit_chain SET lines = 1 WHERE front_end = 2",
		 "ca2: line 1: changed: not what was written last"},
		{"DELETE FROM audit WHERE id > " OF_CA2
		 "; DELETE FROM audit_chain WHERE front_end = "
		 "2",
		 "front end 2: line 2: not what a checkpoint says of it: the log was written anew"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct scratch_store scratch;
		struct store *store = make_chains(&scratch);

		run_foreign_sql(scratch.path, rows[i].sql);
		expect_verdict(store, rows[i].reason);
		free_store(&store);
		remove_scratch_store(&scratch);
	}
}

/* As certpool made it until version 7 of the record. */
Test(audit, keeps_the_chains_of_an_older_record)
{
	static const char version_6[] =
		"CREATE TABLE older (front_end bigint NOT NULL DEFAULT 1, sequence bigint NOT NULL,"
		" line text NOT NULL, PRIMARY KEY (front_end, sequence));"
		"INSERT INTO older SELECT id / " OF_CA2 " + 1, id % " OF_CA2 ", line FROM audit;"
		"DROP TABLE audit; ALTER TABLE older RENAME TO audit;"
		"DROP TABLE acme_challenge; DROP INDEX acme_order_replaces;"
		"ALTER TABLE acme_order DROP COLUMN replaces;"
		"DROP TABLE issuer_key; DROP TABLE store_key;"
		"ALTER TABLE front_end DROP COLUMN public_key;"
		"ALTER TABLE front_end DROP COLUMN version;";
	struct scratch_store scratch;
	struct store *store = make_chains(&scratch);
	struct audit_verdict verdict;

	free_store(&store);
	run_foreign_sql(scratch.path, version_6);
	run_foreign_sql(scratch.path, tests_postgresql() ? "UPDATE state SET version = 6"
							 : "PRAGMA user_version = 6");
	for (int i = 0; i < 2; i++) {
		store = open_scratch_store(&scratch);
		OK(verify_audit(store, &verdict, &fault));
		cr_expect(!verdict.verdict.invalid, "%s", verdict.verdict.reason);
		cr_expect_eq(verdict.chains, 2);
		cr_expect_eq(verdict.all_lines, 5);
		free_store(&store);
	}
	remove_scratch_store(&scratch);
}

Test(audit, writes_a_checkpoint_only_when_a_front_end_has_written_since)
{
	struct scratch_store scratch;
	struct store *store = make_chains(&scratch);
	struct audit_verdict verdict;

	for (int64_t i = 0; i < 4; i++) {
		CLEANUP(end_transaction) struct transaction transaction = {0};

		set_store_front_end(store, i % 2 + 1);
		OK(begin_transaction(store, TRANSACTION_WRITE, &transaction, &fault));
		OK(append_checkpoint(&transaction, 1020, &fault));
		OK(commit_transaction(&transaction, &fault));
	}
	OK(verify_audit(store, &verdict, &fault));
	cr_expect_eq(verdict.checkpoints, 1);
	free_store(&store);
	remove_scratch_store(&scratch);
}

Test(audit, writes_no_checkpoint_for_a_front_end_that_is_alone)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	struct scratch_store scratch;
	struct store *store = make_log(&scratch);
	struct audit_verdict verdict;

	OK(begin_transaction(store, TRANSACTION_WRITE, &transaction, &fault));
	OK(append_checkpoint(&transaction, 1010, &fault));
	OK(commit_transaction(&transaction, &fault));
	OK(verify_audit(store, &verdict, &fault));
	cr_expect_eq(verdict.lines, 5);
	free_store(&store);
	remove_scratch_store(&scratch);
}

static int append_to_copy(void *context, int64_t sequence, const char *line, struct fault *fault)
{
	struct buffer *copy = context;

	(void)fault;
	cr_expect_not_null(strstr(line, "\"event\":\"crl\""), "%" PRId64, sequence);
	append_format(copy, "%s\n", line);
	return 0;
}

Test(audit, names_the_difference_between_a_copy_and_the_record)
{
	static const struct {
		const char *sql;    /* on the record */
		size_t cut;         /* octets taken off the copy */
		const char *reason; /* NULL: valid */
	} rows[] = {
		{"SELECT 1", 0, NULL},
		{"SELECT 1", 1, "line 5: cut off"},
		{"DELETE FROM audit WHERE id = 5", 0, "line 5: in the copy, and not in the record"},
		{"UPDATE audit SET line = replace(line, '\"number\":3', '\"number\":9') WHERE "
		 "id = 3",
		 0, "line 3: the copy and the record have different lines"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer copy = {0};
		struct scratch_store scratch;
		struct store *store = make_log(&scratch);
		struct audit_verdict verdict;

		OK(list_audit(store, FIRST_FRONT_END, 1, append_to_copy, &copy, &fault));
		run_foreign_sql(scratch.path, rows[i].sql);
		OK(verify_audit_copy(store, (struct bytes){copy.data, copy.len - rows[i].cut},
				     &verdict, &fault));
		cr_expect_eq(verdict.verdict.invalid, rows[i].reason != NULL, "%s",
			     verdict.verdict.reason);
		cr_expect(rows[i].reason == NULL ||
				  strstr(verdict.verdict.reason, rows[i].reason) != NULL,
			  "%s", verdict.verdict.reason);
		free_store(&store);
		remove_scratch_store(&scratch);
	}
}

Test(audit, chains_lines_from_the_first_on)
{
	struct scratch_store scratch;
	struct store *store = make_log(&scratch);
	struct audit_verdict verdict;

	OK(verify_audit(store, &verdict, &fault));
	cr_expect(!verdict.verdict.invalid, "%s", verdict.verdict.reason);
	cr_expect_eq(verdict.lines, 5);
	free_store(&store);
	remove_scratch_store(&scratch);
}

Test(audit, of_a_new_record_is_empty_and_whole)
{
	struct scratch_store scratch;
	struct store *store;
	struct audit_verdict verdict;

	make_scratch_store(&scratch);
	store = open_scratch_store(&scratch);
	OK(verify_audit(store, &verdict, &fault));
	cr_expect(!verdict.verdict.invalid, "%s", verdict.verdict.reason);
	cr_expect_eq(verdict.lines, 0);
	free_store(&store);
	remove_scratch_store(&scratch);
}

static int count_serials(void *context, int64_t sequence, const char *line, struct fault *fault)
{
	size_t *counts = context;

	(void)fault;
	for (const char *c = strstr(line, "\"serials\":["); c != NULL && *c != ']'; c++)
		counts[sequence] += *c == '"';
	return 0;
}

/* The quotes of "serials" itself, and two for each serial. */
Test(audit, spreads_many_serials_over_several_lines)
{
	enum { COUNT = 2 * EVENT_SERIALS_MAX + 1 };
	static uint8_t serials[COUNT][SERIAL_MAX];
	const struct event event = {.kind = EVENT_REVOKED,
				    .time_s = 1,
				    .by = "ca",
				    .serials = (const uint8_t(*)[SERIAL_MAX])serials,
				    .serial_count = COUNT};
	size_t counts[4] = {0};
	struct scratch_store scratch;
	struct store *store;
	struct audit_verdict verdict;

	make_scratch_store(&scratch);
	store = open_scratch_store(&scratch);
	OK(record_event(store, &event, &fault));
	OK(list_audit(store, FIRST_FRONT_END, 1, count_serials, counts, &fault));
	cr_expect_eq(counts[1], 2 + 2 * EVENT_SERIALS_MAX);
	cr_expect_eq(counts[2], 2 + 2 * EVENT_SERIALS_MAX);
	cr_expect_eq(counts[3], 2 + 2);
	OK(verify_audit(store, &verdict, &fault));
	cr_expect(!verdict.verdict.invalid, "%s", verdict.verdict.reason);
	free_store(&store);
	remove_scratch_store(&scratch);
}
