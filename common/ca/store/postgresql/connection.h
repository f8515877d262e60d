#ifndef CERTPOOL_CA_STORE_POSTGRESQL_CONNECTION_H
#define CERTPOOL_CA_STORE_POSTGRESQL_CONNECTION_H

#include "common/ca/store/driver.h"
#include "common/ca/store/postgresql/libpq.h"

#include <pthread.h>

/*
 * A statement with values. One with a key is kept by the connection: the server prepares it when
 * the session runs it for the first time, and then it is run by its name.
 */
enum { PG_STATEMENTS_MAX = 64 };

struct pg_statement {
	const void *key; /* address of what is static of it; NULL: its text is sent each time */
	const char *sql;
	char *owned; /* sql, where it is a copy */
	size_t parameter_count;
	char name[8];
	bool prepared; /* in this session, as far as is known */
};

/* What was sent, and whose result is still to be read. */
struct pg_pending {
	struct pg_pending *next;
	struct pg_result **ret_result; /* NULL: not wanted */
	struct pg_statement *prepares; /* NULL: it runs a statement */
};

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
	struct pg_pending *pending; /* those that were sent without waiting for results */
	struct pg_pending **pending_end;
	struct pg_statement statements[PG_STATEMENTS_MAX];
	size_t statement_count;
	unsigned int cursor_number; /* of the last cursor declared */
};

/* How long a statement may take, and a transaction wait for the writers' lock, or between two of
   its statements. */
enum { STATEMENT_MS = 8000, COMMIT_MS = 5000, SCAN_MS = 600000, LOCK_MS = 4000, IDLE_MS = 3000 };

/* The lists end with NULL, and are libpq's connection parameters. Errors: FAULT_UNREACHABLE. */
int open_pg_connection(struct pg_connection *connection, const char *const *keywords,
		       const char *const *values, struct fault *fault) MUST_CHECK;

/* It may be opened again, until its statements were freed. */
void close_pg_connection(struct pg_connection *connection);
void free_pg_statements(struct pg_connection *connection);

/*
 * Fills *fault with the meaning of an error, and advice. FAULT_INTERRUPTED: the server ended the
 * transaction, and the same again may succeed. FAULT_BUSY: another transaction held a lock for too
 * long. FAULT_FAILED: everything else. Returns -1.
 */
int set_pg_fault(struct pg_connection *connection, const struct pg_result *result,
		 struct fault *fault);

/* Closes the connection, which is of no use any more. FAULT_INTERRUPTED; returns -1. */
int report_pg_lost(struct pg_connection *connection, const char *why, struct fault *fault);

/* Sends all that is to be sent, until then (of the stopwatch). Errors: report_pg_lost. */
int flush_pg(struct pg_connection *connection, int64_t until_us, struct fault *fault) MUST_CHECK;

/* The next result of what was sent; *ret_result NULL: there is no further one. Errors:
   report_pg_lost. */
int next_pg_result(struct pg_connection *connection, int64_t until_us,
		   struct pg_result **ret_result, struct fault *fault) MUST_CHECK;

void drop_first_pending(struct pg_connection *connection);

#endif
