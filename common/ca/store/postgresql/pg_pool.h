#ifndef CERTPOOL_CA_STORE_POSTGRESQL_PG_POOL_H
#define CERTPOOL_CA_STORE_POSTGRESQL_PG_POOL_H

#include "common/ca/store/postgresql/connection.h"

#include <stdatomic.h>

/* The connections of one process to the record's database: one that writes, some that read. */
enum { PG_READERS_MAX = 4, PG_SCANNERS_KEPT = 2, PG_OPTIONS_MAX = 64 };

struct pg_store {
	struct store store;
	struct libpq libpq;
	struct pg_option *parsed;             /* owns the texts of the options */
	const char *keywords[PG_OPTIONS_MAX]; /* end with NULL */
	const char *values[PG_OPTIONS_MAX];
	struct pg_connection writer;
	struct pg_connection readers[PG_READERS_MAX];
	atomic_uint turn; /* which reader to wait for when all are in use */
	pthread_mutex_t scanners_lock;
	struct pg_connection *scanners[PG_SCANNERS_KEPT]; /* idle ones; NULL: none */
	pthread_mutex_t connecting;
	atomic_int_least64_t away_until_us; /* of the stopwatch: no attempt before that */
	atomic_int_least64_t instance;      /* of the server that the writer is connected to */
	atomic_int_least64_t committed_us;  /* of the uptime: when the last commit began; 0: none */
	atomic_bool broken;
};

struct pg_store *pg_store_of(struct store *store);

/* Without a connection. Owns: close_pg, or free_store once *ret_store has its driver. */
int new_pg_store(const char *location, struct pg_store **ret_store, struct fault *fault) MUST_CHECK;
void close_pg(struct store *store);

/*
 * Connects. FAULT_UNREACHABLE; FAULT_BUSY while another thread is at it, or right after a failure.
 * reconnect_pg: the same in a running CA, where a database that is away is FAULT_BUSY too.
 */
int connect_pg(struct pg_store *store, struct pg_connection *connection,
	       struct fault *fault) MUST_CHECK;
int reconnect_pg(struct pg_store *store, struct pg_connection *connection,
		 struct fault *fault) MUST_CHECK;

/* The next attempt to connect begins with the second host of the list: the first one took a
   transaction, and did not commit it. */
void prefer_next_host(struct pg_store *store);

/* Whether an attempt to connect has just failed. */
bool is_away(struct pg_store *store);

/* FAULT_BUSY, with the reason. Returns -1. */
int refuse_away(const struct pg_store *store, const char *why, struct fault *fault);

/* Locks the connection, for at most some seconds. */
int lock_pg_connection(struct pg_connection *connection, struct fault *fault) MUST_CHECK;

/* A reader that is locked, and a SCAN that has begun, both on the server that takes the writes. */
int lock_pg_reader(struct pg_store *store, struct pg_connection **ret_reader,
		   struct fault *fault) MUST_CHECK;
int begin_pg_scan(struct pg_store *store, struct pg_connection **ret_scanner,
		  struct fault *fault) MUST_CHECK;

/* Ends the scan, and keeps or frees the connection. */
void end_pg_scan(struct pg_store *store, struct pg_connection *scanner);

/* Connects a connection of a READ again. */
int renew_pg_reader(struct pg_connection *reader, struct fault *fault) MUST_CHECK;

/* Has the server end the session of a writer that has sent the beginning of a pipeline, and then
   nothing for IDLE_MS (a process that was stopped, a host that was lost); what it was writing is
   undone. False: there is none. The role must be that writer's. */
bool end_silent_writer(struct pg_connection *connection);

#endif
