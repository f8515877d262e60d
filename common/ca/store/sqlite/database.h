#ifndef CERTPOOL_CA_STORE_SQLITE_DATABASE_H
#define CERTPOOL_CA_STORE_SQLITE_DATABASE_H

#include "common/base/fault.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One connection to SQLite, for one thread at a time. Every fault begins with the file's path and
 * is FAULT_FAILED.
 */
struct database {
	sqlite3 *handle;
	/*
	 * The file is damaged, or the disk failed: the connection's answers cannot be relied on any
	 * more, and no write is tried again. (After an fsync that failed the kernel may have
	 * dropped the pages, and the next fsync succeeds.)
	 */
	atomic_bool broken;
};

/* Opens an existing file for reading and writing. Its statements wait up to BUSY_TIMEOUT_MS for
   the locks of other processes. */
int open_database(const char *path, struct database *ret_database, struct fault *fault) MUST_CHECK;
void close_database(struct database *database);

/* Runs statements without parameters and without results. */
int run_sql(struct database *database, const char *sql, struct fault *fault) MUST_CHECK;

/* Reads the first column of the first row. *ret_value is 0 when there is no row. */
int query_integer(struct database *database, const char *sql, int64_t *ret_value,
		  struct fault *fault) MUST_CHECK;

/* The octets of the file's pages that have no content any more. */
int measure_free_pages(struct database *database, uint64_t *ret_octets,
		       struct fault *fault) MUST_CHECK;

/* Runs a PRAGMA whose row is the new value of its setting, and fails for any other than expected.
 */
int set_pragma(struct database *database, const char *sql, const char *expected,
	       struct fault *fault) MUST_CHECK;

/* Prepares a statement for repeated use. Owns: free_statement, before close_database. */
int prepare_statement(struct database *database, const char *sql, sqlite3_stmt **ret_statement,
		      struct fault *fault) MUST_CHECK;
void free_statement(sqlite3_stmt **statement);

/* Steps once. *ret_row: there is a row, valid until the next step or reset_statement. */
int step_statement(struct database *database, sqlite3_stmt *statement, bool *ret_row,
		   struct fault *fault) MUST_CHECK;

/* Ends the statement's run, and removes the values that were bound. */
void reset_statement(sqlite3_stmt *statement);

/* Fills *fault with the meaning of SQLite's result code, and advice. Marks the connection broken
   where the code says that the file is damaged or the disk failed. Returns -1. */
int set_database_fault(struct database *database, int code, struct fault *fault);

enum { BUSY_TIMEOUT_MS = 10000 };

#endif
