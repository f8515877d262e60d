#ifndef CERTPOOL_CA_STORE_SQLITE_DATABASE_H
#define CERTPOOL_CA_STORE_SQLITE_DATABASE_H

#include "common/base/fault.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * SQLite for store.c and store_file.c; no other folder includes this. One connection, for one
 * thread at a time. Every fault begins with the file's path and is FAULT_FAILED.
 */
struct database {
	sqlite3 *handle;
	/*
	 * The file is damaged, or the disk failed: from then on nothing that the connection says
	 * can be relied on, and what it did is not tried again. (After an fsync that failed the
	 * kernel may have dropped what was to be written, and the next fsync succeeds.)
	 */
	atomic_bool broken;
};

/* Opens a file that exists, for reading and writing. Waits up to BUSY_TIMEOUT_MS for others. */
int open_database(const char *path, struct database *ret_database, struct fault *fault) MUST_CHECK;
void close_database(struct database *database);

/* Runs statements without parameters and without results. */
int run_sql(struct database *database, const char *sql, struct fault *fault) MUST_CHECK;

/* The first column of the first row; *ret_value is 0 when there is no row. */
int query_integer(struct database *database, const char *sql, int64_t *ret_value,
		  struct fault *fault) MUST_CHECK;

/* Runs a PRAGMA that answers with what it became, which must be what was expected. */
int set_pragma(struct database *database, const char *sql, const char *expected,
	       struct fault *fault) MUST_CHECK;

/* A statement to be kept: finalise it before the connection is closed. */
int prepare_statement(struct database *database, const char *sql, sqlite3_stmt **ret_statement,
		      struct fault *fault) MUST_CHECK;
void free_statement(sqlite3_stmt **statement);

/*
 * One step. *ret_row: there is a row, which stands until reset_statement; without one, and on
 * failure, the statement has been reset.
 */
int step_statement(struct database *database, sqlite3_stmt *statement, bool *ret_row,
		   struct fault *fault) MUST_CHECK;

/* Ends a statement and forgets what was bound. */
void reset_statement(sqlite3_stmt *statement);

/* Fills *fault with what SQLite's result code says of the file, and what to do. Returns -1. */
int set_database_fault(struct database *database, int code, struct fault *fault);

enum { BUSY_TIMEOUT_MS = 10000 };

#endif
