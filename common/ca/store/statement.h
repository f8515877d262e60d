#ifndef CERTPOOL_CA_STORE_STATEMENT_H
#define CERTPOOL_CA_STORE_STATEMENT_H

#include "common/base/name.h"
#include "common/ca/store/store.h"
#include "common/crypto/digest.h"

/*
 * Transactions, statements and rows: the only way to the record's database for store/, check/ and
 * backup/. Which database it is, is the driver's business (driver.h).
 *
 * The SQL is what SQLite and PostgreSQL both know. Parameters are ?1, ?2, … without a gap; the
 * driver of a database with another notation translates them. An SQL text is static, unless a
 * function says otherwise: a prepared statement is cached under the text's address. A parameter
 * that may be NULL, and whose type nothing else tells, is put into a CAST.
 */
struct store_connection;
struct store_cursor;
struct rows;

enum transaction_mode {
	/* For short reads, on a shared connection. Does not wait for writers. Each statement sees
	   the record as it is when the statement begins. */
	TRANSACTION_READ,
	/* For long reads, on a connection of its own. All statements see one snapshot. */
	TRANSACTION_SCAN,
	/* All changes or none, with no other writer in between. */
	TRANSACTION_WRITE,
};

/*
 * A transaction lives on the stack and ends with its scope:
 *
 *	CLEANUP(end_transaction) struct transaction transaction = {0};
 *
 * One thread uses it. A thread in a transaction may begin a READ or a SCAN, which do not see what
 * an outer WRITE has changed so far; a second WRITE on the same store is refused.
 */
struct transaction {
	struct store *store;
	struct store_connection *connection; /* NULL: not begun, or ended */
	struct rows *open_rows;
	unsigned int tries; /* of should_repeat */
	bool uncertain;     /* whether it was committed is not known */
	int64_t line_id; /* of the last line that it appended to the audit log (audit.h); 0: none */
	uint8_t line_sha256[SHA256_LEN];
};

/* Errors: FAULT_FAILED, also for a transaction that has begun already. */
int begin_transaction(struct store *store, enum transaction_mode mode,
		      struct transaction *transaction, struct fault *fault) MUST_CHECK;

/*
 * Ends the transaction. Changes are durable when this returns 0; on -1 nothing has changed, but
 * after FAULT_INTERRUPTED something may. When the database does not tell the outcome of a change
 * that appended to the audit log, the log is looked at, in another WRITE: the line is there, and
 * this returns 0, or it is not, and nothing has changed. A READ or a SCAN need not be committed.
 * Errors: FAULT_FAILED, also while rows are open.
 */
int commit_transaction(struct transaction *transaction, struct fault *fault) MUST_CHECK;

/* Closes the open rows and undoes all changes, unless the transaction was committed. */
void end_transaction(struct transaction *transaction);

/* The time of the database's clock, which all front ends of a record see. */
int read_store_clock(struct transaction *transaction, int64_t *ret_now_s,
		     struct fault *fault) MUST_CHECK;

/*
 * Whether a function should run its WRITE again from the beginning, after FAULT_INTERRUPTED: a few
 * times, after a short random wait. *tries begins at 0. The function must have the same outcome
 * when the transaction that failed was committed after all.
 */
bool should_run_again(const struct fault *problem, unsigned int *tries);

/*
 * The same for a function whose outcome is another one after its own change, such as one that adds
 * what must not be there: false where the transaction may have been committed. When it is true, the
 * transaction has ended, and *fault is empty.
 *
 *	do {
 *		done = begin_transaction(…) == 0 && … && commit_transaction(…) == 0;
 *	} while (!done && should_repeat(&transaction, fault));
 */
bool should_repeat(struct transaction *transaction, struct fault *fault);

/* A parameter of a statement, or a column of a row. */
enum value_kind {
	VALUE_NONE, /* NULL */
	VALUE_NUMBER,
	VALUE_TEXT,
	VALUE_OCTETS,
	VALUE_OTHER, /* in a row: no kind that the record has */
};

struct value {
	enum value_kind kind;
	int64_t number;
	struct bytes bytes; /* of a text, without its NUL, or octets; borrowed */
};

struct value no_value(void);
struct value number_value(int64_t number);
struct value text_value(const char *text);
struct value octets_value(const uint8_t *octets, size_t len);

struct values {
	const struct value *values;
	size_t count;
};

#define NO_VALUES ((struct values){0})
#define VALUES(...)                                                                                \
	((struct values){(const struct value[]){__VA_ARGS__},                                      \
			 sizeof((const struct value[]){__VA_ARGS__}) / sizeof(struct value)})

/*
 * Runs a statement without a result. ret_changed, which may be NULL, receives how many rows it
 * inserted, updated or deleted.
 */
int run_statement(struct transaction *transaction, const char *sql, struct values values,
		  int64_t *ret_changed, struct fault *fault) MUST_CHECK;

/* The same for a short one that nothing needs to wait for: it may be run with those that follow,
   and its failure be that of one of them, or of the commit. */
int run_later(struct transaction *transaction, const char *sql, struct values values,
	      struct fault *fault) MUST_CHECK;

/*
 * The rows of a query, on the stack like the transaction, and declared after it:
 *
 *	CLEANUP(close_rows) struct rows rows = {0};
 *
 * Several may be open at a time, of different SQL texts, and statements may run meanwhile.
 * The getters below check type, length and NULL. A column of another kind is damage: the getter
 * returns 0, "" or zeros, and check_row, or else the next next_row, fails.
 */
struct rows {
	struct transaction *transaction;
	struct store_cursor *cursor; /* NULL: closed */
	struct rows *next;           /* in the transaction's list */
	char problem[128];           /* of the current row; "": none */
};

/* Begins a query, which in a WRITE may be run, and fail, when next_row asks for its first row, or
   with another statement before. The texts and octets of the values must remain until the rows are
   closed. */
int query_rows(struct transaction *transaction, const char *sql, struct values values,
	       struct rows *rows, struct fault *fault) MUST_CHECK;

/* The same for an SQL text that the caller composed and may free afterwards. */
int query_rows_once(struct transaction *transaction, const char *sql, struct values values,
		    struct rows *rows, struct fault *fault) MUST_CHECK;

/* Goes to the first or the next row. *ret_row false: there is none, and the rows are closed. */
int next_row(struct rows *rows, bool *ret_row, struct fault *fault) MUST_CHECK;

/* query_rows and next_row in one. ret_row NULL: there must be a row, and none is damage. */
int query_row(struct transaction *transaction, const char *sql, struct values values,
	      struct rows *rows, bool *ret_row, struct fault *fault) MUST_CHECK;

/* The number that a query for one has as its only row, COUNT(*) for example. */
int query_number(struct transaction *transaction, const char *sql, struct values values,
		 int64_t *ret_number, struct fault *fault) MUST_CHECK;

void close_rows(struct rows *rows);

/* Columns count from 0. Borrowed texts and octets are valid until the next next_row or close_rows.
 */
bool row_is_null(struct rows *rows, int column);
int64_t row_number(struct rows *rows, int column);
size_t row_size(struct rows *rows, int column); /* a number that is not negative */
const char *row_text(struct rows *rows, int column);
struct bytes row_bytes(struct rows *rows, int column);
struct value row_value(struct rows *rows, int column); /* of whatever kind */

/* Copies exactly len octets. */
void row_octets(struct rows *rows, int column, uint8_t *ret_octets, size_t len);

/* Copies a text that is a node's or a member's name (valid_name). */
void row_name(struct rows *rows, int column, char ret_name[static NAME_SIZE]);

/* -1 with the damage in the current row, if a getter met any. */
int check_row(struct rows *rows, struct fault *fault) MUST_CHECK;

/*
 * Fills *fault: "…: the CA's record is damaged: TEXT; …", FAULT_FAILED. The record is not used any
 * more until it is opened again, unless the transaction is a SCAN. Returns -1.
 */
int report_damage(struct transaction *transaction, const char *text, struct fault *fault);

/* A table, as the target of insert_rows. Static: statements are cached under its address. */
enum { TABLE_COLUMNS_MAX = 24 };

struct table {
	const char *name;
	const char *conflict; /* the column whose values decide whether a row is there already;
				 NULL: any conflict fails */
	size_t column_count;
	struct {
		const char *name;
		enum value_kind kind;
	} columns[TABLE_COLUMNS_MAX];
};

/*
 * Inserts rows as one batch. A row whose value of the conflict column is in the table already, or
 * in an earlier row of the batch, is left out; any other conflict fails.
 * Shape: values holds row_count rows of column_count values each, in the order of the columns.
 * ret_inserted has room for row_count, where the table has a conflict column. Where it has none,
 * ret_inserted is NULL, and a failure may be that of a later statement, as of run_later.
 */
int insert_rows(struct transaction *transaction, const struct table *table,
		const struct value *values, size_t row_count, bool *ret_inserted,
		struct fault *fault) MUST_CHECK;

/*
 * Every column that a record has, whatever its database, by table and name: rows of the table's
 * name, the column's, and its enum value_kind. Not those that are a driver's own.
 */
int query_columns(struct transaction *transaction, struct rows *rows,
		  struct fault *fault) MUST_CHECK;

/* In a WRITE that inserted certificates with their ids: those to come get higher ids. */
int resume_ids(struct transaction *transaction, struct fault *fault) MUST_CHECK;

/*
 * A query that is run once for each of the values, as ?1, beside `more` as ?2 and so on. It gives
 * one row of numbers or none. The SQL is static, and does not end with an ORDER BY or a LIMIT.
 */
enum { LOOKUPS_MAX = 4, LOOKUP_PARAMETERS_MAX = 4 };

struct lookup {
	const char *sql;
	enum value_kind kind; /* of all the values: VALUE_TEXT or VALUE_OCTETS */
	struct values values;
	struct values more;
	size_t column_count;
	bool *ret_found;      /* has room for an answer to each value */
	int64_t *ret_numbers; /* column_count of them for each value, where there was a row */
};

/* Runs several lookups, at most LOOKUPS_MAX, as one batch. */
int look_up(struct transaction *transaction, const struct lookup *lookups, size_t count,
	    struct fault *fault) MUST_CHECK;

/* Called for each problem of check_integrity. */
typedef int damage_function(void *context, const char *text, struct fault *fault);

/* Fails with the problem. Its context is the store. */
int refuse_damage(void *store, const char *text, struct fault *fault);

/* Has the database look at all that it stores: its pages and indexes, not what the rows mean. */
int check_integrity(struct transaction *transaction, damage_function *function, void *context,
		    struct fault *fault) MUST_CHECK;

#endif
