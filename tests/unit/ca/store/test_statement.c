#include "common/ca/store/statement.h"

#include "common/crypto/digest.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <string.h>

static const char count_sql[] = "SELECT COUNT(*) FROM audit";
static const char add_sql[] = "INSERT INTO audit (id, line) VALUES (?1, ?2)";

static struct scratch_store scratch;
static struct store *store;

static void set_up(void)
{
	make_scratch_store(&scratch);
	store = open_scratch_store(&scratch);
}

static void tear_down(void)
{
	free_store(&store);
	remove_scratch_store(&scratch);
}

TestSuite(statement, .init = set_up, .fini = tear_down);

static void begin(enum transaction_mode mode, struct transaction *transaction)
{
	OK(begin_transaction(store, mode, transaction, &fault));
}

static void add_line(struct transaction *transaction, int64_t sequence)
{
	int64_t changed = 0;

	OK(run_statement(transaction, add_sql, VALUES(number_value(sequence), text_value("x")),
			 &changed, &fault));
	cr_expect_eq(changed, 1);
}

static int64_t count_lines(struct transaction *transaction)
{
	int64_t count = -1;

	OK(query_number(transaction, count_sql, NO_VALUES, &count, &fault));
	return count;
}

/* In a transaction of its own. */
static int64_t count_now(void)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};

	begin(TRANSACTION_READ, &transaction);
	return count_lines(&transaction);
}

static void commit(struct transaction *transaction)
{
	OK(commit_transaction(transaction, &fault));
}

static void expect_failed(int result, const struct fault *fault, const char *part)
{
	cr_expect_eq(result, -1, "expected: %s", part);
	cr_expect_eq(fault->class, FAULT_FAILED);
	cr_expect_not_null(strstr(fault->text, part), "expected \"%s\" in \"%s\"", part,
			   fault->text);
}

/* A transaction that adds two lines to the log, reads them back, and is committed. */
Test(statement, is_used_like_this)
{
	static const char sql[] = "SELECT id, line FROM audit WHERE id > ?1"
				  " ORDER BY id";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	int64_t last = 0;
	bool row;

	OK(begin_transaction(store, TRANSACTION_WRITE, &transaction, &fault));
	for (int64_t i = 1; i <= 2; i++)
		OK(run_statement(&transaction, add_sql,
				 VALUES(number_value(i), text_value("a line")), NULL, &fault));
	OK(query_rows(&transaction, sql, VALUES(number_value(0)), &rows, &fault));
	OK(next_row(&rows, &row, &fault));
	while (row) {
		last = row_number(&rows, 0);
		cr_expect_str_eq(row_text(&rows, 1), "a line");
		OK(next_row(&rows, &row, &fault));
	}
	cr_expect_eq(last, 2);
	OK(commit_transaction(&transaction, &fault));
}

Test(statement, changes_nothing_when_the_scope_ends_without_a_commit)
{
	{
		CLEANUP(end_transaction) struct transaction transaction = {0};

		begin(TRANSACTION_WRITE, &transaction);
		add_line(&transaction, 1);
		cr_expect_eq(count_lines(&transaction), 1);
	}
	cr_expect_eq(count_now(), 0);
}

Test(statement, changes_nothing_when_a_later_statement_fails)
{
	{
		CLEANUP(end_transaction) struct transaction transaction = {0};

		begin(TRANSACTION_WRITE, &transaction);
		add_line(&transaction, 1);
		REFUSED(run_statement(&transaction, add_sql,
				      VALUES(number_value(1), text_value("again")), NULL, &fault),
			FAULT_FAILED, scratch.name);
	}
	cr_expect_eq(count_now(), 0);
}

Test(statement, has_committed_changes_after_a_restart)
{
	{
		CLEANUP(end_transaction) struct transaction transaction = {0};

		begin(TRANSACTION_WRITE, &transaction);
		add_line(&transaction, 1);
		commit(&transaction);
	}
	free_store(&store);
	store = open_scratch_store(&scratch);
	cr_expect_eq(count_now(), 1);
}

Test(statement, refuses_a_second_writing_transaction_of_the_thread)
{
	CLEANUP(end_transaction) struct transaction outer = {0};
	CLEANUP(end_transaction) struct transaction inner = {0};

	begin(TRANSACTION_WRITE, &outer);
	REFUSED(begin_transaction(store, TRANSACTION_WRITE, &inner, &fault), FAULT_FAILED,
		"in a transaction on the same connection already");
	REFUSED(begin_transaction(store, TRANSACTION_READ, &outer, &fault), FAULT_FAILED,
		"the transaction has begun already");
	add_line(&outer, 1);
	commit(&outer);
	begin(TRANSACTION_WRITE, &inner);
	cr_expect_eq(count_lines(&inner), 1);
}

Test(statement, refuses_to_commit_while_rows_are_open)
{
	struct rows outliving = {0};
	bool row;

	{
		CLEANUP(end_transaction) struct transaction transaction = {0};

		begin(TRANSACTION_WRITE, &transaction);
		add_line(&transaction, 1);
		OK(query_row(&transaction, count_sql, NO_VALUES, &outliving, &row, &fault));
		REFUSED(commit_transaction(&transaction, &fault), FAULT_FAILED,
			"cannot be committed while rows are open");
	}
	/* The end of the transaction has closed them. */
	REFUSED(next_row(&outliving, &row, &fault), FAULT_FAILED, "closed before");
	close_rows(&outliving);
	cr_expect_eq(count_now(), 0);
}

Test(statement, needs_a_transaction)
{
	struct transaction transaction = {0};
	struct rows rows = {0};
	struct fault faults[3] = {0};

	expect_failed(run_statement(&transaction, add_sql, NO_VALUES, NULL, &faults[0]), &faults[0],
		      "needs a transaction");
	expect_failed(query_rows(&transaction, count_sql, NO_VALUES, &rows, &faults[1]), &faults[1],
		      "needs a transaction");
	expect_failed(commit_transaction(&transaction, &faults[2]), &faults[2], "has not begun");
	close_rows(&rows);
	end_transaction(&transaction);
}

/* A reader sees the record without what a writer has not committed, and does not wait for it. */
Test(statement, reads_while_another_transaction_writes)
{
	CLEANUP(end_transaction) struct transaction writer = {0};
	CLEANUP(end_transaction) struct transaction scan = {0};
	CLEANUP(end_transaction) struct transaction reader = {0};

	begin(TRANSACTION_WRITE, &writer);
	add_line(&writer, 1);
	begin(TRANSACTION_SCAN, &scan);
	begin(TRANSACTION_READ, &reader);
	cr_expect_eq(count_lines(&scan), 0);
	cr_expect_eq(count_lines(&reader), 0);
	commit(&writer);
	cr_expect_eq(count_lines(&scan), 0, "one snapshot");
	cr_expect_eq(count_lines(&reader), 1, "each statement sees the record as it is");
}

Test(statement, writes_nothing_in_a_reading_transaction)
{
	static const enum transaction_mode modes[] = {TRANSACTION_READ, TRANSACTION_SCAN};

	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		CLEANUP(end_transaction) struct transaction transaction = {0};

		begin(modes[i], &transaction);
		REFUSED(run_statement(&transaction, add_sql,
				      VALUES(number_value(1), text_value("x")), NULL, &fault),
			FAULT_FAILED, scratch.name);
	}
	cr_expect_eq(count_now(), 0);
}

Test(statement, says_how_many_rows_changed)
{
	static const char sql[] = "UPDATE audit SET line = 'y' WHERE id > ?1";
	static const struct {
		int64_t after;
		int64_t changed;
	} rows[] = {{0, 3}, {2, 1}, {3, 0}};
	CLEANUP(end_transaction) struct transaction transaction = {0};
	int64_t changed = -1;

	begin(TRANSACTION_WRITE, &transaction);
	for (int64_t i = 1; i <= 3; i++)
		add_line(&transaction, i);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		OK(run_statement(&transaction, sql, VALUES(number_value(rows[i].after)), &changed,
				 &fault));
		cr_expect_eq(changed, rows[i].changed);
	}
}

Test(statement, wants_exactly_its_values)
{
	const struct value other = {.kind = VALUE_OTHER};
	const struct values wrong[] = {
		NO_VALUES,
		VALUES(number_value(1)),
		VALUES(number_value(1), text_value("x"), text_value("y")),
	};
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};

	begin(TRANSACTION_WRITE, &transaction);
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		REFUSED(run_statement(&transaction, add_sql, wrong[i], NULL, &fault), FAULT_FAILED,
			"expected 2 values");
	REFUSED(query_rows(&transaction, count_sql, VALUES(number_value(1)), &rows, &fault),
		FAULT_FAILED, "expected 0 values");
	REFUSED(run_statement(&transaction, add_sql, VALUES(number_value(1), other), NULL, &fault),
		FAULT_FAILED, scratch.name);
	/* A statement that failed can be used again. */
	add_line(&transaction, 1);
	cr_expect_eq(count_lines(&transaction), 1);
}

enum getter { NUMBER, SIZE, TEXT, BYTES, OCTETS, NAME };

static void get(struct rows *rows, enum getter getter)
{
	uint8_t octets[4] = {1, 1, 1, 1};
	char name[NAME_SIZE] = "before";

	switch (getter) {
	case NUMBER:
		cr_expect_eq(row_number(rows, 0), 0);
		break;
	case SIZE:
		cr_expect_eq(row_size(rows, 0), 0);
		break;
	case TEXT:
		cr_expect_str_eq(row_text(rows, 0), "");
		break;
	case BYTES:
		cr_expect_eq(row_bytes(rows, 0).len, 0);
		break;
	case OCTETS:
		row_octets(rows, 0, octets, sizeof(octets));
		cr_expect_eq(octets[0] | octets[1] | octets[2] | octets[3], 0);
		break;
	case NAME:
		row_name(rows, 0, name);
		cr_expect_str_eq(name, "");
		break;
	}
}

Test(statement, takes_a_column_of_another_kind_for_damage)
{
	static const uint8_t four[] = {1, 2, 3, 4};
	static const char with_nul[] = "a\0b";
	const struct value nul_text = {VALUE_TEXT, 0, {(const uint8_t *)with_nul, 3}};
	const struct {
		struct value value;
		enum getter getter;
		const char *part;
	} rows[] = {
		{no_value(), NUMBER, "expected a number in column v, found nothing"},
		{text_value("1"), NUMBER, "expected a number in column v, found a text"},
		{octets_value(four, 4), NUMBER, "expected a number in column v, found some octets"},
		{number_value(-1), SIZE, "expected a number from 0 in column v, found a negative"},
		{no_value(), TEXT, "expected a text in column v, found nothing"},
		{number_value(1), TEXT, "expected a text in column v, found a number"},
		{octets_value(four, 4), TEXT, "expected a text in column v, found some octets"},
		{nul_text, TEXT, "expected a text in column v, found one with a NUL in it"},
		{no_value(), BYTES, "expected some octets in column v, found nothing"},
		{text_value("abcd"), OCTETS, "expected some octets in column v, found a text"},
		{octets_value(four, 3), OCTETS, "expected 4 octets in column v, found 3"},
		{octets_value(four, 0), OCTETS, "expected 4 octets in column v, found 0"},
		{text_value(""), NAME, "expected a name in column v, found another text"},
		{text_value("a/b"), NAME, "expected a name in column v, found another text"},
		{no_value(), NAME, "expected a text in column v, found nothing"},
	};
	static const char sql[] = "SELECT ?1 AS v";

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(end_transaction) struct transaction transaction = {0};
		CLEANUP(close_rows) struct rows result = {0};
		struct fault fault = {0};
		struct fault later = {0};

		/* PostgreSQL has no text with a NUL. */
		if (rows[i].value.bytes.data == nul_text.bytes.data && tests_postgresql())
			continue;
		/* A SCAN, after which the store can still be used. */
		begin(TRANSACTION_SCAN, &transaction);
		cr_assert_eq(
			query_row(&transaction, sql, VALUES(rows[i].value), &result, NULL, &fault),
			0, "%s", fault.text);
		cr_expect_eq(check_row(&result, &fault), 0);
		cr_expect_eq(row_is_null(&result, 0), rows[i].value.kind == VALUE_NONE);
		get(&result, rows[i].getter);
		expect_failed(check_row(&result, &fault), &fault, "the CA's record is damaged: ");
		expect_failed(-1, &fault, rows[i].part);
		cr_expect_eq(check_row(&result, &later), 0, "reported once");
	}
	cr_expect_eq(count_now(), 0);
}

Test(statement, gives_what_a_column_holds)
{
	static const uint8_t four[] = {1, 2, 3, 4};
	static const char sql[] = "SELECT ?1, ?2, ?3, ?4, ?5";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	uint8_t octets[4];
	char name[NAME_SIZE];

	begin(TRANSACTION_READ, &transaction);
	OK(query_row(&transaction, sql,
		     VALUES(number_value(INT64_MIN), text_value("client1"),
			    octets_value(four, sizeof(four)), octets_value(NULL, 0), no_value()),
		     &rows, NULL, &fault));
	cr_expect_eq(row_number(&rows, 0), INT64_MIN);
	cr_expect_str_eq(row_text(&rows, 1), "client1");
	row_name(&rows, 1, name);
	cr_expect_str_eq(name, "client1");
	row_octets(&rows, 2, octets, sizeof(octets));
	cr_expect_arr_eq(octets, four, sizeof(four));
	cr_expect_eq(row_bytes(&rows, 3).len, 0);
	cr_expect_not(row_is_null(&rows, 3), "no octets are not NULL");
	cr_expect(row_is_null(&rows, 4));
	OK(check_row(&rows, &fault));
}

/* A caller that forgets check_row does not get to the next row, nor does another transaction. */
Test(statement, does_not_go_on_after_damage)
{
	static const char sql[] = "SELECT line FROM audit ORDER BY id";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(end_transaction) struct transaction next = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	bool row;

	begin(TRANSACTION_WRITE, &transaction);
	add_line(&transaction, 1);
	OK(query_row(&transaction, sql, NO_VALUES, &rows, &row, &fault));
	cr_expect_eq(row_number(&rows, 0), 0);
	REFUSED(next_row(&rows, &row, &fault), FAULT_FAILED,
		"ca.db: the CA's record is damaged: expected a number in column line");
	end_transaction(&transaction);
	REFUSED(begin_transaction(store, TRANSACTION_READ, &next, &fault), FAULT_FAILED,
		"failed before");
}

Test(statement, takes_a_missing_row_for_damage_where_one_must_be)
{
	static const char sql[] = "SELECT id FROM audit";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	int64_t number;

	begin(TRANSACTION_SCAN, &transaction);
	REFUSED(query_number(&transaction, sql, NO_VALUES, &number, &fault), FAULT_FAILED,
		"the CA's record is damaged: expected a row, found none, for SELECT id F");
}

Test(statement, runs_while_the_rows_of_another_are_open)
{
	static const char sql[] = "SELECT id FROM audit ORDER BY id";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	CLEANUP(close_rows) struct rows same = {0};
	CLEANUP(close_rows) struct rows once = {0};
	bool row;

	begin(TRANSACTION_WRITE, &transaction);
	add_line(&transaction, 1);
	add_line(&transaction, 2);
	OK(query_row(&transaction, sql, NO_VALUES, &rows, &row, &fault));
	REFUSED(query_rows(&transaction, sql, NO_VALUES, &same, &fault), FAULT_FAILED,
		"the rows of this query are open");
	OK(query_rows_once(&transaction, "SELECT 1", NO_VALUES, &once, &fault));
	cr_expect_eq(count_lines(&transaction), 2);
	OK(next_row(&rows, &row, &fault));
	cr_expect_eq(row_number(&rows, 0), 2);
	OK(next_row(&once, &row, &fault));
	cr_expect_eq(row_number(&once, 0), 1);
	/* The same rows can begin again. */
	OK(query_row(&transaction, sql, NO_VALUES, &rows, &row, &fault));
	cr_expect_eq(row_number(&rows, 0), 1);
}

static int count_problem(void *context, const char *text, struct fault *fault)
{
	(void)text;
	(void)fault;
	++*(size_t *)context;
	return 0;
}

Test(statement, finds_no_problem_in_a_record_that_has_none)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	size_t problems = 0;

	begin(TRANSACTION_SCAN, &transaction);
	OK(check_integrity(&transaction, count_problem, &problems, &fault));
	cr_expect_eq(problems, 0);
}
