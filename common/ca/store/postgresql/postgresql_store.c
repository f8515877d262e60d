/*
 * The driver for PostgreSQL. A location is a URL of libpq, as layout/store_url.h has checked it;
 * the record's name in messages is the URL without its parameters.
 *
 * A WRITE locks the row of `state` first, so that there is one writer at a time among all processes
 * on the record: what a transaction of SQLite promises (statement.h) holds here too, batches cannot
 * deadlock, and the ids of certificates are committed in their order. A process has one connection
 * that writes, a few that read, and some for SCANs, all of them opened when they are needed.
 *
 * A primary that failed and was started again, while a standby took its place, still answers, with
 * what it knew then. A process therefore reads only from the server that its writing connection is
 * connected to; whether that one still takes commits is what check_recent says.
 *
 * While the database cannot be reached, one thread at a time tries to reach it, and the others are
 * refused at once (FAULT_BUSY).
 */
#include "common/base/clock.h"
#include "common/ca/store/postgresql/parameters.h"
#include "common/ca/store/postgresql/pg_pool.h"
#include "common/ca/store/postgresql/postgresql_statement.h"
#include "common/ca/store/postgresql/schema.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
	WRITE_TRIES = 2,
	COMMITLESS_S = 5, /* then a server on which a write waits is left */
};

/* With the writing connection. */
static int connect_store(const char *location, struct store **ret_store, struct fault *fault)
{
	CLEANUP(free_store) struct store *made = NULL;
	struct pg_store *store = NULL;

	if (new_pg_store(location, &store, fault) < 0)
		return -1;
	made = &store->store;
	made->driver = &postgresql_driver;
	made->shared = true;
	if (connect_pg(store, &store->writer, fault) < 0)
		return -1;
	*ret_store = TAKE(made);
	return 0;
}

static int find_pg(const char *location, bool *ret_found, struct fault *fault)
{
	CLEANUP(free_store) struct store *store = NULL;

	if (connect_store(location, &store, fault) < 0)
		return -1;
	return find_pg_schema(&pg_store_of(store)->writer, ret_found, fault);
}

static int create_pg(const char *location, struct fault *fault)
{
	CLEANUP(free_store) struct store *store = NULL;

	if (connect_store(location, &store, fault) < 0)
		return -1;
	return create_pg_schema(&pg_store_of(store)->writer, fault);
}

static int open_pg(const char *location, struct store **ret_store, struct fault *fault)
{
	CLEANUP(free_store) struct store *store = NULL;

	if (connect_store(location, &store, fault) < 0 ||
	    check_pg_schema(&pg_store_of(store)->writer, fault) < 0)
		return -1;
	*ret_store = TAKE(store);
	return 0;
}

static int check_unbroken(struct pg_store *store, struct fault *fault)
{
	if (!atomic_load(&store->broken))
		return 0;
	return set_fault(fault, FAULT_FAILED,
			 "%s: the record failed before, and is not used any more: see what was "
			 "logged then, mend it, and start the CA again",
			 store->store.name);
}

static int64_t pg_commit_age_s(struct store *base)
{
	int64_t committed_us = atomic_load(&pg_store_of(base)->committed_us);

	return committed_us == 0 ? NO_COMMIT : (read_uptime_us() - committed_us) / 1000000;
}

static int check_pg_health(struct store *base, struct fault *fault)
{
	struct pg_store *store = pg_store_of(base);

	if (check_unbroken(store, fault) < 0)
		return -1;
	if (is_away(store))
		return refuse_away(store, "the database cannot be reached", fault);
	return 0;
}

/* Takes the lock of all writers. At a stricter level the transaction would see the record as it was
   before the wait for the lock, whatever default the database has. */
static int lock_state(struct pg_connection *writer, struct fault *fault)
{
	static const char begin[] = "BEGIN ISOLATION LEVEL READ COMMITTED";
	static const char lock[] = "SELECT version FROM state WHERE id = 1 FOR UPDATE";
	struct pg_result *result = NULL;
	int64_t version = 0;
	int locked = run_pg_text_later(writer, begin, NULL, fault);

	if (locked == 0)
		locked = run_pg_text_later(writer, lock, &result, fault);
	if (locked == 0)
		locked = collect_pg(writer, fault);
	if (locked == 0 && writer->libpq->ntuples(result) == 1)
		version = read_pg_number(writer->libpq, result, 0, 0);
	writer->libpq->clear(result);
	return locked < 0 ? -1 : check_pg_version(writer, version, fault);
}

/* A server on which nobody can write any more is left for the next of the list: on an old primary
   another front end's COMMIT, which waits for the standby, has the lock without end. */
static void leave_without_commits(struct pg_store *store)
{
	int64_t age_s = pg_commit_age_s(&store->store);

	if (age_s != NO_COMMIT && age_s < COMMITLESS_S)
		return;
	close_pg_connection(&store->writer);
	prefer_next_host(store);
}

/* Nothing has been done yet: a connection that was lost is made anew, and a writer that has the
   lock and has fallen silent is ended. */
static int begin_write_locked(struct pg_store *store, struct fault *fault)
{
	struct pg_connection *writer = &store->writer;
	struct fault problem = {0};

	if (check_unbroken(store, fault) < 0)
		return -1;
	for (int tries = 0; tries < WRITE_TRIES; tries++) {
		problem = (struct fault){0};
		if (writer->handle == NULL && reconnect_pg(store, writer, fault) < 0)
			return -1;
		if (lock_state(writer, &problem) == 0)
			return 0;
		abort_pg(writer);
		if (problem.class == FAULT_INTERRUPTED ||
		    (problem.class == FAULT_BUSY && end_silent_writer(writer)))
			continue;
		if (problem.class == FAULT_BUSY)
			leave_without_commits(store);
		return pass_fault(&problem, fault);
	}
	return set_fault(fault, FAULT_BUSY, "%s", problem.text);
}

static int begin_pg(struct store *base, enum transaction_mode mode,
		    struct store_connection **ret_connection, struct fault *fault)
{
	struct pg_store *store = pg_store_of(base);
	struct pg_connection *connection = &store->writer;
	int result = check_unbroken(store, fault);

	if (result < 0)
		return -1;
	switch (mode) {
	case TRANSACTION_READ:
		result = lock_pg_reader(store, &connection, fault);
		break;
	case TRANSACTION_SCAN:
		result = begin_pg_scan(store, &connection, fault);
		break;
	case TRANSACTION_WRITE:
		result = lock_pg_connection(connection, fault);
		if (result == 0 && begin_write_locked(store, fault) < 0) {
			pthread_mutex_unlock(&connection->lock);
			result = -1;
		}
		break;
	}
	if (result < 0)
		return -1;
	*ret_connection = &connection->connection;
	return 0;
}

static void rollback_pg(struct store_connection *base)
{
	struct pg_connection *connection = (struct pg_connection *)base;

	if (connection->mode == TRANSACTION_SCAN) {
		end_pg_scan(pg_store_of(base->store), connection);
		return;
	}
	abort_pg(connection);
	pthread_mutex_unlock(&connection->lock);
}

static int commit_pg_transaction(struct store_connection *base, struct fault *fault)
{
	struct pg_store *store = pg_store_of(base->store);
	struct pg_connection *connection = (struct pg_connection *)base;
	int64_t began_us = read_uptime_us();
	int result = 0;

	/* Nothing of a reading transaction can be committed. */
	if (connection->mode == TRANSACTION_WRITE)
		result = commit_pg(connection, fault);
	if (result < 0 && connection->handle == NULL)
		prefer_next_host(store);
	if (connection->mode == TRANSACTION_WRITE && result == 0)
		atomic_store(&store->committed_us, began_us);
	rollback_pg(base);
	return result;
}

/* The lock on the row of `state` makes it a transaction that the server writes to its log, and for
   which it waits for its standby. */
static int confirm_pg(struct store *store, struct fault *fault)
{
	struct store_connection *connection;

	if (begin_pg(store, TRANSACTION_WRITE, &connection, fault) < 0)
		return -1;
	return commit_pg_transaction(connection, fault);
}

static int read_pg_clock(struct store_connection *base, int64_t *ret_now_s, struct fault *fault)
{
	static const char sql[] = "SELECT floor(extract(epoch FROM clock_timestamp()))";
	struct pg_connection *connection = (struct pg_connection *)base;
	struct pg_result *result = NULL;

	if (execute_pg(connection, sql, &result, fault) < 0)
		return -1;
	*ret_now_s = strtoll(connection->libpq->getvalue(result, 0, 0), NULL, 10);
	connection->libpq->clear(result);
	return 0;
}

/* The disk of the database is not that of this host's layout. */
static int measure_pg_reusable(struct store *store, uint64_t *ret_octets, struct fault *fault)
{
	(void)store;
	(void)fault;
	*ret_octets = 0;
	return 0;
}

static int report_pg_damage(struct store_connection *base, const char *text, struct fault *fault)
{
	const struct pg_connection *connection = (const struct pg_connection *)base;

	if (connection->mode != TRANSACTION_SCAN)
		atomic_store(&pg_store_of(base->store)->broken, true);
	return set_fault(fault, FAULT_FAILED,
			 "%s: the CA's record is damaged: %s; nothing is issued from it: restore "
			 "it from a backup",
			 base->store->name, text);
}

/* The server verifies pages as it reads them, where it was told to (data checksums); its tool for
   all of them at a time is pg_amcheck. */
static int check_pg_integrity(struct store_connection *connection, damage_function *function,
			      void *context, struct fault *fault)
{
	(void)connection;
	(void)function;
	(void)context;
	(void)fault;
	return 0;
}

/* version: schema.h. */
static const char columns_sql[] =
	"SELECT table_name::text, column_name::text,"
	" CASE data_type WHEN 'bigint' THEN 1 WHEN 'text' THEN 2 WHEN 'bytea' THEN 3 ELSE 4 END"
	" FROM information_schema.columns WHERE table_schema = 'certpool'"
	" AND NOT (table_name = 'state' AND column_name = 'version')"
	" ORDER BY table_name::text COLLATE \"C\", column_name::text COLLATE \"C\"";

static const char resume_ids_sql[] =
	"SELECT setval(pg_get_serial_sequence('certpool.certificate', 'id'),"
	" COALESCE(MAX(id), 0) + 1, false) FROM certificate";

const struct store_driver postgresql_driver = {
	.find = find_pg,
	.create = create_pg,
	.open = open_pg,
	.close = close_pg,
	.check_health = check_pg_health,
	.commit_age_s = pg_commit_age_s,
	.confirm = confirm_pg,
	.read_clock = read_pg_clock,
	.measure_reusable = measure_pg_reusable,
	.begin = begin_pg,
	.commit = commit_pg_transaction,
	.rollback = rollback_pg,
	.run = run_pg,
	.open_cursor = open_pg_cursor,
	.step = step_pg_cursor,
	.column = get_pg_column,
	.column_name = get_pg_column_name,
	.close_cursor = close_pg_cursor,
	.insert_rows = insert_pg_rows,
	.look_up = look_up_pg,
	.columns_sql = columns_sql,
	.resume_ids_sql = resume_ids_sql,
	.report_damage = report_pg_damage,
	.check_integrity = check_pg_integrity,
};
