#ifndef CERTPOOL_CA_STORE_SQLITE_SQLITE_STATEMENT_H
#define CERTPOOL_CA_STORE_SQLITE_SQLITE_STATEMENT_H

#include "common/ca/store/driver.h"
#include "common/ca/store/sqlite/database.h"

#include <pthread.h>

/* The driver's part that runs statements: a connection with its cache of prepared statements. */
enum { STATEMENTS_MAX = 64 };

struct sqlite_statement {
	struct store_cursor cursor;
	const void *key; /* address of the SQL text or table; NULL: prepared for one use */
	sqlite3_stmt *handle;
	bool in_use;
};

/* For one thread at a time, which holds the lock. */
struct sqlite_connection {
	struct store_connection connection;
	pthread_mutex_t lock;
	struct database database;
	enum transaction_mode mode;
	struct sqlite_statement statements[STATEMENTS_MAX];
	size_t statement_count;
};

/* Frees the statements and closes the database. Accepts one that was never opened. */
void close_sqlite_connection(struct sqlite_connection *connection);

/* The functions of struct store_driver (driver.h). */
int run_sqlite(struct store_connection *connection, const char *sql, struct values values,
	       int64_t *ret_changed, struct fault *fault) MUST_CHECK;
int open_sqlite_cursor(struct store_connection *connection, const char *sql, bool cached,
		       struct values values, struct store_cursor **ret_cursor,
		       struct fault *fault) MUST_CHECK;
int step_sqlite_cursor(struct store_cursor *cursor, bool *ret_row, struct fault *fault) MUST_CHECK;
struct value get_sqlite_column(struct store_cursor *cursor, int column);
const char *get_sqlite_column_name(struct store_cursor *cursor, int column);
void close_sqlite_cursor(struct store_cursor *cursor);
int insert_sqlite_rows(struct store_connection *connection, const struct table *table,
		       const struct value *values, size_t row_count, bool *ret_inserted,
		       struct fault *fault) MUST_CHECK;
int look_up_sqlite(struct store_connection *connection, const struct lookup *lookups, size_t count,
		   struct fault *fault) MUST_CHECK;
int report_sqlite_damage(struct store_connection *connection, const char *text,
			 struct fault *fault);

#endif
