#include "common/ca/store/statement.h"

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/ca/store/driver.h"

#include <stdio.h>
#include <string.h>

int begin_transaction(struct store *store, enum transaction_mode mode,
		      struct transaction *transaction, struct fault *fault)
{
	if (transaction->connection != NULL)
		return set_fault(fault, FAULT_FAILED, "%s: the transaction has begun already",
				 store->name);
	if (mode == TRANSACTION_WRITE && check_not_barred(store, fault) < 0)
		return -1;
	if (store->driver->begin(store, mode, &transaction->connection, fault) < 0)
		return -1;
	transaction->store = store;
	transaction->line_id = 0;
	return 0;
}

/* Whether the audit log has the last line of a transaction that has ended: no other one is like it,
   as it has the digest of the line before. */
static int find_line(struct store *store, const struct transaction *ended, bool *ret_found,
		     struct fault *fault)
{
	static const char sql[] = "SELECT line FROM audit WHERE id = ?1";
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(close_rows) struct rows rows = {0};
	uint8_t sha256[SHA256_LEN];
	bool row;

	/* A WRITE, so that the other one is over, and what is found is as durable as its own
	 * commit. */
	if (begin_transaction(store, TRANSACTION_WRITE, &transaction, fault) < 0 ||
	    query_row(&transaction, sql, VALUES(number_value(ended->line_id)), &rows, &row, fault) <
		    0)
		return -1;
	*ret_found = row;
	if (row) {
		digest_sha256(bytes_of_string(row_text(&rows, 0)), sha256);
		*ret_found = memcmp(sha256, ended->line_sha256, SHA256_LEN) == 0;
	}
	if (check_row(&rows, fault) < 0)
		return -1;
	close_rows(&rows);
	return commit_transaction(&transaction, fault);
}

/* *problem: what the commit ended with. */
static int find_outcome(struct transaction *ended, const struct fault *problem, struct fault *fault)
{
	unsigned int tries = 0;
	struct fault trouble;
	bool committed;

	if (problem->class != FAULT_INTERRUPTED || ended->line_id == 0)
		return pass_fault(problem, fault);
	do {
		trouble = (struct fault){0};
		if (find_line(ended->store, ended, &committed, &trouble) < 0)
			continue;
		if (committed)
			return 0;
		ended->uncertain = false;
		return set_fault(fault, FAULT_INTERRUPTED,
				 "%s: the database undid the change: ask again",
				 ended->store->name);
	} while (should_run_again(&trouble, &tries));
	return pass_fault(problem, fault);
}

int commit_transaction(struct transaction *transaction, struct fault *fault)
{
	const struct store *store = transaction->store;
	struct fault problem = {0};

	if (transaction->connection == NULL)
		return set_fault(fault, FAULT_FAILED, "the transaction has not begun, or is over");
	if (transaction->open_rows != NULL)
		return set_fault(fault, FAULT_FAILED,
				 "%s: the transaction cannot be committed while rows are open",
				 store->name);
	if (store->driver->commit(TAKE(transaction->connection), &problem) == 0)
		return 0;
	transaction->uncertain = true;
	return find_outcome(transaction, &problem, fault);
}

void end_transaction(struct transaction *transaction)
{
	while (transaction->open_rows != NULL)
		close_rows(transaction->open_rows);
	if (transaction->connection != NULL)
		transaction->store->driver->rollback(TAKE(transaction->connection));
}

bool should_run_again(const struct fault *problem, unsigned int *tries)
{
	enum { TRIES_MAX = 4, WAIT_US = 10000 };
	struct fault ignored = {0};
	uint64_t wait_us = WAIT_US;

	if (problem->class != FAULT_INTERRUPTED || ++*tries == TRIES_MAX)
		return false;
	(void)!draw_below((uint64_t)WAIT_US << *tries, &wait_us, &ignored);
	sleep_us((int64_t)wait_us);
	return true;
}

bool should_repeat(struct transaction *transaction, struct fault *fault)
{
	end_transaction(transaction);
	if (transaction->uncertain || !should_run_again(fault, &transaction->tries))
		return false;
	*fault = (struct fault){0};
	return true;
}

struct value no_value(void)
{
	return (struct value){.kind = VALUE_NONE};
}

struct value number_value(int64_t number)
{
	return (struct value){.kind = VALUE_NUMBER, .number = number};
}

struct value text_value(const char *text)
{
	return (struct value){.kind = VALUE_TEXT, .bytes = bytes_of_string(text)};
}

struct value octets_value(const uint8_t *octets, size_t len)
{
	return (struct value){.kind = VALUE_OCTETS, .bytes = {octets, len}};
}

static int check_begun(const struct transaction *transaction, struct fault *fault)
{
	if (transaction->connection != NULL)
		return 0;
	return set_fault(fault, FAULT_FAILED, "a statement needs a transaction that has begun");
}

int read_store_clock(struct transaction *transaction, int64_t *ret_now_s, struct fault *fault)
{
	if (check_begun(transaction, fault) < 0)
		return -1;
	return transaction->store->driver->read_clock(transaction->connection, ret_now_s, fault);
}

int run_statement(struct transaction *transaction, const char *sql, struct values values,
		  int64_t *ret_changed, struct fault *fault)
{
	int64_t changed;

	if (check_begun(transaction, fault) < 0 ||
	    transaction->store->driver->run(transaction->connection, sql, values, &changed, fault) <
		    0)
		return -1;
	if (ret_changed != NULL)
		*ret_changed = changed;
	return 0;
}

int run_later(struct transaction *transaction, const char *sql, struct values values,
	      struct fault *fault)
{
	if (check_begun(transaction, fault) < 0)
		return -1;
	return transaction->store->driver->run(transaction->connection, sql, values, NULL, fault);
}

static int open_rows(struct transaction *transaction, const char *sql, bool cached,
		     struct values values, struct rows *rows, struct fault *fault)
{
	close_rows(rows);
	if (check_begun(transaction, fault) < 0 ||
	    transaction->store->driver->open_cursor(transaction->connection, sql, cached, values,
						    &rows->cursor, fault) < 0)
		return -1;
	rows->transaction = transaction;
	rows->next = transaction->open_rows;
	rows->problem[0] = '\0';
	transaction->open_rows = rows;
	return 0;
}

int query_rows(struct transaction *transaction, const char *sql, struct values values,
	       struct rows *rows, struct fault *fault)
{
	return open_rows(transaction, sql, true, values, rows, fault);
}

int query_rows_once(struct transaction *transaction, const char *sql, struct values values,
		    struct rows *rows, struct fault *fault)
{
	return open_rows(transaction, sql, false, values, rows, fault);
}

void close_rows(struct rows *rows)
{
	struct rows **link;

	if (rows->cursor == NULL)
		return;
	link = &rows->transaction->open_rows;
	while (*link != rows)
		link = &(*link)->next;
	*link = rows->next;
	rows->transaction->store->driver->close_cursor(TAKE(rows->cursor));
}

int next_row(struct rows *rows, bool *ret_row, struct fault *fault)
{
	bool row;

	if (check_row(rows, fault) < 0)
		return -1;
	if (rows->cursor == NULL)
		return set_fault(fault, FAULT_FAILED, "the rows of a query were closed before");
	if (rows->transaction->store->driver->step(rows->cursor, &row, fault) < 0) {
		close_rows(rows);
		return -1;
	}
	if (!row)
		close_rows(rows);
	*ret_row = row;
	return 0;
}

int query_row(struct transaction *transaction, const char *sql, struct values values,
	      struct rows *rows, bool *ret_row, struct fault *fault)
{
	char problem[256];
	bool row;

	if (query_rows(transaction, sql, values, rows, fault) < 0 ||
	    next_row(rows, &row, fault) < 0)
		return -1;
	if (ret_row != NULL)
		*ret_row = row;
	if (row || ret_row != NULL)
		return 0;
	(void)snprintf(problem, sizeof(problem), "expected a row, found none, for %s", sql);
	return report_damage(transaction, problem, fault);
}

int query_number(struct transaction *transaction, const char *sql, struct values values,
		 int64_t *ret_number, struct fault *fault)
{
	CLEANUP(close_rows) struct rows rows = {0};
	int64_t number;

	if (query_row(transaction, sql, values, &rows, NULL, fault) < 0)
		return -1;
	number = row_number(&rows, 0);
	if (check_row(&rows, fault) < 0)
		return -1;
	*ret_number = number;
	return 0;
}

/* Remembers the first problem of the row. */
static void note_problem(struct rows *rows, int column, const char *expected, const char *found)
{
	const char *name = NULL;

	if (rows->problem[0] != '\0')
		return;
	if (rows->cursor != NULL)
		name = rows->transaction->store->driver->column_name(rows->cursor, column);
	(void)snprintf(rows->problem, sizeof(rows->problem), "expected %s in column %s, found %s",
		       expected, name != NULL ? name : "?", found);
}

static struct value get_column(const struct rows *rows, int column)
{
	if (rows->cursor == NULL)
		return (struct value){.kind = VALUE_OTHER};
	return rows->transaction->store->driver->column(rows->cursor, column);
}

/* The column's value; of another kind only when that was noted as a problem. */
static struct value get_value(struct rows *rows, int column, enum value_kind kind)
{
	static const char *const kinds[] = {
		[VALUE_NONE] = "nothing",         [VALUE_NUMBER] = "a number",
		[VALUE_TEXT] = "a text",          [VALUE_OCTETS] = "some octets",
		[VALUE_OTHER] = "something else",
	};
	struct value value = get_column(rows, column);

	if (value.kind == kind)
		return value;
	note_problem(rows, column, kinds[kind], kinds[value.kind]);
	return no_value();
}

bool row_is_null(struct rows *rows, int column)
{
	return get_column(rows, column).kind == VALUE_NONE;
}

int64_t row_number(struct rows *rows, int column)
{
	return get_value(rows, column, VALUE_NUMBER).number;
}

size_t row_size(struct rows *rows, int column)
{
	int64_t number = row_number(rows, column);

	if (number >= 0)
		return (size_t)number;
	note_problem(rows, column, "a number from 0", "a negative one");
	return 0;
}

/* "" with a problem noted; *ret_len is the text's length. */
static const char *get_text(struct rows *rows, int column, size_t *ret_len)
{
	struct value value = get_value(rows, column, VALUE_TEXT);
	const char *text = (const char *)value.bytes.data;

	*ret_len = value.bytes.len;
	if (value.kind == VALUE_TEXT && strlen(text) == value.bytes.len)
		return text;
	*ret_len = 0;
	note_problem(rows, column, "a text", "one with a NUL in it");
	return "";
}

const char *row_text(struct rows *rows, int column)
{
	size_t len;

	return get_text(rows, column, &len);
}

struct bytes row_bytes(struct rows *rows, int column)
{
	return get_value(rows, column, VALUE_OCTETS).bytes;
}

struct value row_value(struct rows *rows, int column)
{
	return get_column(rows, column);
}

void row_octets(struct rows *rows, int column, uint8_t *ret_octets, size_t len)
{
	struct value value = get_value(rows, column, VALUE_OCTETS);
	char expected[32];
	char found[32];

	if (value.kind != VALUE_NONE && value.bytes.len == len) {
		memcpy(ret_octets, value.bytes.data, len);
		return;
	}
	memset(ret_octets, 0, len);
	(void)snprintf(expected, sizeof(expected), "%zu octets", len);
	(void)snprintf(found, sizeof(found), "%zu", value.bytes.len);
	note_problem(rows, column, expected, found);
}

void row_name(struct rows *rows, int column, char ret_name[static NAME_SIZE])
{
	size_t len;
	const char *text = get_text(rows, column, &len);

	ret_name[0] = '\0';
	if (len < NAME_SIZE && valid_name(text))
		memcpy(ret_name, text, len + 1);
	else
		note_problem(rows, column, "a name", "another text");
}

int check_row(struct rows *rows, struct fault *fault)
{
	char problem[sizeof(rows->problem)];

	if (rows->problem[0] == '\0')
		return 0;
	memcpy(problem, rows->problem, sizeof(problem));
	rows->problem[0] = '\0';
	return report_damage(rows->transaction, problem, fault);
}

int report_damage(struct transaction *transaction, const char *text, struct fault *fault)
{
	return transaction->store->driver->report_damage(transaction->connection, text, fault);
}

int refuse_damage(void *store, const char *text, struct fault *fault)
{
	return set_fault(fault, FAULT_FAILED,
			 "%s: the CA's record is damaged: %s: restore it from a backup",
			 ((const struct store *)store)->name, text);
}

int insert_rows(struct transaction *transaction, const struct table *table,
		const struct value *values, size_t row_count, bool *ret_inserted,
		struct fault *fault)
{
	if (check_begun(transaction, fault) < 0)
		return -1;
	return transaction->store->driver->insert_rows(transaction->connection, table, values,
						       row_count, ret_inserted, fault);
}

int query_columns(struct transaction *transaction, struct rows *rows, struct fault *fault)
{
	return query_rows(transaction, transaction->store->driver->columns_sql, NO_VALUES, rows,
			  fault);
}

int resume_ids(struct transaction *transaction, struct fault *fault)
{
	const char *sql = transaction->store->driver->resume_ids_sql;
	int64_t ignored;

	return sql == NULL ? 0 : query_number(transaction, sql, NO_VALUES, &ignored, fault);
}

int look_up(struct transaction *transaction, const struct lookup *lookups, size_t count,
	    struct fault *fault)
{
	if (check_begun(transaction, fault) < 0)
		return -1;
	return transaction->store->driver->look_up(transaction->connection, lookups, count, fault);
}

int check_integrity(struct transaction *transaction, damage_function *function, void *context,
		    struct fault *fault)
{
	if (check_begun(transaction, fault) < 0)
		return -1;
	return transaction->store->driver->check_integrity(transaction->connection, function,
							   context, fault);
}
