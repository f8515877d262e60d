#ifndef CERTPOOL_CA_STORE_SESSION_H
#define CERTPOOL_CA_STORE_SESSION_H

#include "common/ca/store/sqlite/database.h"
#include "common/ca/store/store.h"

#include <pthread.h>

/*
 * How the files of this folder reach the record: one connection with the statements that were
 * prepared on it, for one thread at a time. No other folder includes this.
 */
enum { STATEMENTS_MAX = 64 };

struct session {
	struct database database;
	struct {
		const char *sql;
		sqlite3_stmt *statement;
	} statements[STATEMENTS_MAX];
	size_t statement_count;
};

/*
 * The statement for an SQL text, prepared at its first use. sql must be static: it is recognised by
 * its address. The statement has been reset.
 */
int get_statement(struct session *session, const char *sql, sqlite3_stmt **ret_statement,
		  struct fault *fault) MUST_CHECK;

/* Steps a statement that has no rows, to its end. */
int run_statement(struct session *session, sqlite3_stmt *statement, struct fault *fault) MUST_CHECK;

/* The text of a column, copied; "" for NULL. */
int copy_column(sqlite3_stmt *row, int column, char **ret_text, struct fault *fault) MUST_CHECK;

typedef int session_function(struct session *session, void *context, struct fault *fault);

/*
 * Runs the function in one transaction that no other writer comes between, of this process or
 * another. Durable when it returns 0; on -1 nothing has changed.
 */
int run_transaction(struct store *store, session_function *function, void *context,
		    struct fault *fault) MUST_CHECK;

/* Runs the function, which only reads and is short, without waiting for a writer. */
int run_query(struct store *store, session_function *function, void *context,
	      struct fault *fault) MUST_CHECK;

/* The same on a connection of its own and in one snapshot, for what takes long: it keeps neither
   readers nor writers waiting. */
int run_scan(struct store *store, session_function *function, void *context,
	     struct fault *fault) MUST_CHECK;

#endif
