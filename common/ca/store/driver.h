#ifndef CERTPOOL_CA_STORE_DRIVER_H
#define CERTPOOL_CA_STORE_DRIVER_H

#include "common/base/workers.h"
#include "common/ca/store/audit.h"
#include "common/ca/store/statement.h"

#include <stdatomic.h>

/*
 * The functions that a database must offer to hold the CA's record: one table for each database.
 * Only store.c and statement.c call them, and keep the rules of statement.h for the drivers: rows
 * are closed before their transaction ends, and not used afterwards. No policy is in a driver.
 *
 * A driver embeds the three structs below as the first member of its own.
 *
 * SQL comes in the common language of SQLite and PostgreSQL with parameters ?1, ?2, …, each of
 * them used at least once; a driver whose database writes $1, $2, … translates. Numbers have 64
 * bits; text is UTF-8 and is compared by octets.
 */
struct store_driver;

/*
 * How many certificates some clients have that are neither expired nor revoked, as
 * insert_certificates counted and inserted them: at most so many, as some may have expired since.
 * They hold while no chain of the audit log has grown: every change of certificates appends a line.
 */
enum { LIVE_COUNTS = JOINT_WORK_MAX };

struct live_count {
	char client[NAME_SIZE]; /* "": none */
	int64_t live;
	int64_t now_s; /* when they were counted */
};

struct live_counts {
	struct live_count rows[LIVE_COUNTS];
	size_t next;              /* the row that the next client gets */
	struct chain_state chain; /* when they held */
};

struct store {
	const struct store_driver *driver;
	char *name;                   /* of the record in messages */
	bool shared;                  /* several front ends may work on the record */
	int64_t front_end;            /* this process's; open_store fills it */
	atomic_bool barred;           /* see bar_store */
	struct joint_work insertions; /* of insert_certificates; open_store makes it */
	struct live_counts counts;    /* of who leads these */
	revocation_function *revoked; /* see watch_revocations; NULL: nobody watches */
	void *revoked_context;
};

struct store_connection {
	struct store *store;
};

struct store_cursor {
	struct store_connection *connection;
};

struct store_driver {
	/* See store.h. A location is a path or a URL. */
	int (*find)(const char *location, bool *ret_found, struct fault *fault);
	int (*create)(const char *location, struct fault *fault);
	int (*open)(const char *location, struct store **ret_store, struct fault *fault);
	void (*close)(struct store *store);
	int (*check_health)(struct store *store, struct fault *fault);
	int64_t (*commit_age_s)(struct store *store);
	int (*confirm)(struct store *store, struct fault *fault);
	int (*copy)(struct store *store, const char *path, size_t *ret_certificates,
		    struct fault *fault); /* NULL for a shared record */
	int (*measure_reusable)(struct store *store, uint64_t *ret_octets, struct fault *fault);

	/*
	 * Begins a transaction on a connection that is its own until it ends. commit and rollback
	 * both end it, whatever commit returns. Fails after damage or a failure of the disk;
	 * FAULT_BUSY while the database cannot be reached. Any function below may end the
	 * transaction with FAULT_INTERRUPTED (fault.h).
	 */
	int (*begin)(struct store *store, enum transaction_mode mode,
		     struct store_connection **ret_connection, struct fault *fault);
	int (*commit)(struct store_connection *connection, struct fault *fault);
	void (*rollback)(struct store_connection *connection);

	/* See read_store_clock. */
	int (*read_clock)(struct store_connection *connection, int64_t *ret_now_s,
			  struct fault *fault);

	/* Runs a statement. The text is static. ret_changed NULL: see run_later. */
	int (*run)(struct store_connection *connection, const char *sql, struct values values,
		   int64_t *ret_changed, struct fault *fault);

	/*
	 * A query. cached: the text is static. Several cursors may be open on one connection, and
	 * statements may run, also on the rows that a cursor has yet to give. Refused: a second
	 * cursor of the same static text.
	 */
	int (*open_cursor)(struct store_connection *connection, const char *sql, bool cached,
			   struct values values, struct store_cursor **ret_cursor,
			   struct fault *fault);
	int (*step)(struct store_cursor *cursor, bool *ret_row, struct fault *fault);
	struct value (*column)(struct store_cursor *cursor,
			       int column); /* a text ends with a NUL */
	const char *(*column_name)(struct store_cursor *cursor, int column);
	void (*close_cursor)(struct store_cursor *cursor);

	/* Batches, see statement.h. The order of insertion is the driver's choice. */
	int (*insert_rows)(struct store_connection *connection, const struct table *table,
			   const struct value *values, size_t row_count, bool *ret_inserted,
			   struct fault *fault);
	int (*look_up)(struct store_connection *connection, const struct lookup *lookups,
		       size_t count, struct fault *fault);

	const char *columns_sql;    /* see query_columns */
	const char *resume_ids_sql; /* see resume_ids; NULL: ids follow the highest one anyway */

	/* Fills *fault and, but for a SCAN, makes every later begin fail. Returns -1. */
	int (*report_damage)(struct store_connection *connection, const char *text,
			     struct fault *fault);
	int (*check_integrity)(struct store_connection *connection, damage_function *function,
			       void *context, struct fault *fault);
};

/* The drivers. */
extern const struct store_driver sqlite_driver;     /* sqlite/sqlite_store.c */
extern const struct store_driver postgresql_driver; /* postgresql/postgresql_store.c */

#endif
