#ifndef CERTPOOL_CA_STORE_POSTGRESQL_CONNECTION_H
#define CERTPOOL_CA_STORE_POSTGRESQL_CONNECTION_H

#include "common/ca/store/driver.h"
#include "common/ca/store/postgresql/libpq.h"

#include <pthread.h>

/*
 * One connection to PostgreSQL, for the thread that holds its lock. Every wait for the server has
 * a deadline, after which the connection is closed: no request to cancel is ever sent, because a
 * COMMIT that is cancelled while it waits for a standby is answered as a success.
 */
struct pg_connection {
	struct store_connection connection;
	pthread_mutex_t lock;
	const struct libpq *libpq;
	enum transaction_mode mode;
	struct pg_conn *handle;     /* NULL: not connected, or lost */
	int64_t instance;           /* when the server that answers was started */
	char warning[256];          /* of the server, since it was last cleared; "": none */
	struct pg_cursor *cursors;  /* open ones */
	struct pg_pending *pending; /* statements that were sent without waiting for results */
	struct pg_pending **pending_end;
	unsigned int cursor_number; /* of the last cursor declared */
};

/* How long a statement may take, and a transaction wait for the writers' lock, or between two of
   its statements. */
enum { STATEMENT_MS = 8000, COMMIT_MS = 5000, SCAN_MS = 600000, LOCK_MS = 4000, IDLE_MS = 3000 };

/* The values of a statement, in binary. */
enum { PARAMETERS_MAX = 32 };

struct pg_parameters {
	int count;
	unsigned int types[PARAMETERS_MAX];
	const char *values[PARAMETERS_MAX];
	int lengths[PARAMETERS_MAX];
	int formats[PARAMETERS_MAX];
	uint8_t numbers[PARAMETERS_MAX][sizeof(int64_t)];
};

/* The lists end with NULL, and are libpq's connection parameters. Errors: FAULT_UNREACHABLE. */
int open_pg_connection(struct pg_connection *connection, const char *const *keywords,
		       const char *const *values, struct fault *fault) MUST_CHECK;
void close_pg_connection(struct pg_connection *connection);

/*
 * Runs statements, in the simple protocol and without values (parameters NULL), or one statement.
 * *ret_result, which may be NULL, is the result of the last one; clear_pg_result.
 * Errors: set_pg_fault, and FAULT_INTERRUPTED when the connection was lost or too slow, which
 * closes it.
 */
int execute_pg(struct pg_connection *connection, const char *sql,
	       const struct pg_parameters *parameters, struct pg_result **ret_result,
	       struct fault *fault) MUST_CHECK;

/*
 * Has the statement run with those that follow it, in one round trip (libpq's pipeline mode): at
 * the next execute_pg, collect_pg or commit_pg, which fails if it does. Values are copied.
 * *ret_result, which may be NULL and must remain until then, receives the result.
 */
int execute_pg_later(struct pg_connection *connection, const char *sql,
		     const struct pg_parameters *parameters, struct pg_result **ret_result,
		     struct fault *fault) MUST_CHECK;

/* Waits for the results of all such statements. On failure those after the first that failed have
   none. */
int collect_pg(struct pg_connection *connection, struct fault *fault) MUST_CHECK;

/* The result is not wanted any more. */
void forget_pending(struct pg_connection *connection, struct pg_result **result);

/* Runs statements that may take minutes; their transaction is to lift its statement_timeout. */
int execute_long_pg(struct pg_connection *connection, const char *sql,
		    struct fault *fault) MUST_CHECK;

/* Ends a WRITE; statements that are still to run have their time before the COMMIT has its own.
   Errors: FAULT_INTERRUPTED when the outcome is not known, or is a rollback that the
   same transaction, run again, may not meet. */
int commit_pg(struct pg_connection *connection, struct fault *fault) MUST_CHECK;

/* Ends the transaction, if there is one; a connection on which that fails is closed. */
void abort_pg(struct pg_connection *connection);

/*
 * Fills *fault with the meaning of an error, and advice. FAULT_INTERRUPTED: the server ended the
 * transaction, and the same again may succeed. FAULT_BUSY: another transaction held a lock for too
 * long. FAULT_FAILED: everything else. Returns -1.
 */
int set_pg_fault(struct pg_connection *connection, const struct pg_result *result,
		 struct fault *fault);

#endif
