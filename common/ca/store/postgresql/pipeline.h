#ifndef CERTPOOL_CA_STORE_POSTGRESQL_PIPELINE_H
#define CERTPOOL_CA_STORE_POSTGRESQL_PIPELINE_H

#include "common/ca/store/postgresql/connection.h"

/* Statements on a connection, those with values in libpq's pipeline mode: several in one round
   trip. */

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

/*
 * Runs statements in the simple protocol, without values. *ret_result, which may be NULL, is the
 * result of the last one; clear_pg_result.
 * Errors: set_pg_fault, and FAULT_INTERRUPTED when the connection was lost or too slow, which
 * closes it.
 */
int execute_pg(struct pg_connection *connection, const char *sql, struct pg_result **ret_result,
	       struct fault *fault) MUST_CHECK;

/* Runs statements that may take minutes; their transaction is to lift its statement_timeout. */
int execute_long_pg(struct pg_connection *connection, const char *sql,
		    struct fault *fault) MUST_CHECK;

/* The connection's statement of that key; NULL: it has none, as of the key NULL. */
struct pg_statement *find_pg_statement(struct pg_connection *connection, const void *key);

/* Has the connection keep a copy of the statement under a key that it does not have, and returns
   that; or *unkept, to be sent with its text, when the key is NULL, there are PG_STATEMENTS_MAX
   already, or there is no memory. */
struct pg_statement *keep_pg_statement(struct pg_connection *connection, const void *key,
				       struct pg_statement *unkept);

/* Runs one statement, with those that wait to be run. Result and errors as of execute_pg. */
int run_pg_statement(struct pg_connection *connection, struct pg_statement *statement,
		     const struct pg_parameters *parameters, struct pg_result **ret_result,
		     struct fault *fault) MUST_CHECK;

/*
 * Has the statement run with those that follow it, in one round trip: at the next
 * run_pg_statement, execute_pg, collect_pg or commit_pg, which fails if it does. Values are copied.
 * *ret_result, which may be NULL and must remain until then, receives the result.
 */
int run_pg_later(struct pg_connection *connection, struct pg_statement *statement,
		 const struct pg_parameters *parameters, struct pg_result **ret_result,
		 struct fault *fault) MUST_CHECK;

/* The same with a static text, its own key, that has no values. */
int run_pg_text_later(struct pg_connection *connection, const char *sql,
		      struct pg_result **ret_result, struct fault *fault) MUST_CHECK;

/* Waits for the results of all such statements. On failure those after the first that failed have
   none. */
int collect_pg(struct pg_connection *connection, struct fault *fault) MUST_CHECK;

/* The result is not wanted any more. */
void forget_pending(struct pg_connection *connection, struct pg_result **result);

/* Ends a WRITE; statements that are still to run have their time before the COMMIT has its own.
   Errors: FAULT_INTERRUPTED when the outcome is not known, or is a rollback that the
   same transaction, run again, may not meet. */
int commit_pg(struct pg_connection *connection, struct fault *fault) MUST_CHECK;

/* Ends the transaction, if there is one; a connection on which that fails is closed. */
void abort_pg(struct pg_connection *connection);

#endif
