#include "common/ca/store/postgresql/pg_pool.h"

#include "common/base/clock.h"
#include "common/ca/store/postgresql/pipeline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	LOCK_WAIT_S = 5,  /* for another thread's transaction */
	AWAY_US = 500000, /* from a failed attempt to connect to the next one */
};

struct pg_store *pg_store_of(struct store *store)
{
	return (struct pg_store *)store;
}

static int lock_for(pthread_mutex_t *lock, unsigned int wait_s)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += wait_s;
	return pthread_mutex_clocklock(lock, CLOCK_MONOTONIC, &until);
}

/* The store's settings count before these. */
static const struct {
	const char *keyword;
	const char *value;
} defaults[] = {
	{"sslmode", "verify-full"},
	{"gssencmode", "disable"},
	{"target_session_attrs", "read-write"},
	{"connect_timeout", "3"},
	{"tcp_user_timeout", "3000"},
	{"keepalives_idle", "2"},
	{"keepalives_interval", "1"},
	{"keepalives_count", "3"},
	{"client_encoding", "UTF8"},
	{"fallback_application_name", "certpool"},
};

static int add_option(struct pg_store *store, size_t *count, const char *keyword, const char *value,
		      struct fault *fault)
{
	if (*count + 1 == PG_OPTIONS_MAX)
		return set_fault(fault, FAULT_FAILED, "%s: too many parameters", store->store.name);
	store->keywords[*count] = keyword;
	store->values[(*count)++] = value;
	return 0;
}

static bool has_option(const struct pg_store *store, size_t count, const char *keyword)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(store->keywords[i], keyword) == 0)
			return true;
	return false;
}

static int parse_location(struct pg_store *store, const char *location, struct fault *fault)
{
	char *problem = NULL;
	size_t count = 0;

	store->parsed = store->libpq.conninfo_parse(location, &problem);
	if (store->parsed == NULL) {
		(void)set_fault(fault, FAULT_USAGE, "%s: expected a URL of libpq: %s",
				store->store.name, problem != NULL ? problem : "out of memory");
		store->libpq.freemem(problem);
		return -1;
	}
	for (const struct pg_option *option = store->parsed; option->keyword != NULL; option++)
		if (option->val != NULL && option->val[0] != '\0' &&
		    add_option(store, &count, option->keyword, option->val, fault) < 0)
			return -1;
	for (size_t i = 0; i < COUNT_OF(defaults); i++)
		if (!has_option(store, count, defaults[i].keyword) &&
		    add_option(store, &count, defaults[i].keyword, defaults[i].value, fault) < 0)
			return -1;
	return 0;
}

/* A thread that locks the connection a second time gets an error instead of waiting for itself. */
static void init_connection(struct pg_connection *connection, struct pg_store *store,
			    enum transaction_mode mode)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&connection->lock, &attributes);
	pthread_mutexattr_destroy(&attributes);
	connection->connection.store = &store->store;
	connection->libpq = &store->libpq;
	connection->mode = mode;
}

bool is_away(struct pg_store *store)
{
	return read_stopwatch_us() < atomic_load(&store->away_until_us);
}

int refuse_away(const struct pg_store *store, const char *why, struct fault *fault)
{
	return set_fault(fault, FAULT_BUSY, "%s: %s: ask again", store->store.name, why);
}

/* One thread at a time tries; FAULT_BUSY for the others when it takes long, and right after a
   failure. */
/* What was committed on one server says nothing of another. */
static void note_instance(struct pg_store *store, int64_t instance)
{
	if (atomic_exchange(&store->instance, instance) != instance)
		atomic_store(&store->committed_us, 0);
}

/* The lock is held. */
static int try_to_connect(struct pg_store *store, struct pg_connection *connection,
			  struct fault *fault)
{
	if (open_pg_connection(connection, store->keywords, store->values, fault) < 0) {
		atomic_store(&store->away_until_us, read_stopwatch_us() + AWAY_US);
		return -1;
	}
	atomic_store(&store->away_until_us, 0);
	if (connection->mode == TRANSACTION_WRITE)
		note_instance(store, connection->instance);
	return 0;
}

int connect_pg(struct pg_store *store, struct pg_connection *connection, struct fault *fault)
{
	int result;

	if (is_away(store))
		return refuse_away(store, "the database cannot be reached", fault);
	if (lock_for(&store->connecting, 1) != 0)
		return refuse_away(store, "the database is slow to answer", fault);
	result = is_away(store) ? refuse_away(store, "the database cannot be reached", fault)
				: try_to_connect(store, connection, fault);
	pthread_mutex_unlock(&store->connecting);
	return result;
}

/* "a,b,c" becomes "b,c,a". */
static void rotate_list(char *list)
{
	size_t len = strlen(list);
	size_t first = strcspn(list, ",");
	CLEANUP(free_string) char *copy = strndup(list, first);

	if (first == len || copy == NULL)
		return;
	memmove(list, list + first + 1, len - first - 1);
	list[len - first - 1] = ',';
	memcpy(list + len - first, copy, first);
}

void prefer_next_host(struct pg_store *store)
{
	static const char *const lists[] = {"host", "hostaddr", "port"};

	pthread_mutex_lock(&store->connecting);
	for (struct pg_option *option = store->parsed; option->keyword != NULL; option++)
		for (size_t i = 0; i < COUNT_OF(lists); i++)
			if (option->val != NULL && strcmp(option->keyword, lists[i]) == 0)
				rotate_list(option->val);
	pthread_mutex_unlock(&store->connecting);
}

/* In a running CA: a database that is away is a reason to ask again later. */
int reconnect_pg(struct pg_store *store, struct pg_connection *connection, struct fault *fault)
{
	struct fault problem = {0};

	if (connect_pg(store, connection, &problem) == 0)
		return 0;
	if (problem.class == FAULT_UNREACHABLE)
		return set_fault(fault, FAULT_BUSY, "%s", problem.text);
	return pass_fault(&problem, fault);
}

static void destroy_connection(struct pg_connection *connection)
{
	close_pg_connection(connection);
	free_pg_statements(connection);
	pthread_mutex_destroy(&connection->lock);
}

static void free_scanner(struct pg_connection **scanner_pointer)
{
	struct pg_connection *scanner = TAKE(*scanner_pointer);

	if (scanner == NULL)
		return;
	destroy_connection(scanner);
	free(scanner);
}

void close_pg(struct store *base)
{
	struct pg_store *store = pg_store_of(base);

	for (size_t i = 0; i < PG_READERS_MAX; i++)
		destroy_connection(&store->readers[i]);
	for (size_t i = 0; i < PG_SCANNERS_KEPT; i++)
		free_scanner(&store->scanners[i]);
	destroy_connection(&store->writer);
	pthread_mutex_destroy(&store->scanners_lock);
	pthread_mutex_destroy(&store->connecting);
	if (store->parsed != NULL)
		store->libpq.conninfo_free(store->parsed);
	free(base->name);
	free(store);
}

int new_pg_store(const char *location, struct pg_store **ret_store, struct fault *fault)
{
	struct pg_store *store = calloc(1, sizeof(*store));

	if (store == NULL)
		return set_memory_fault(fault);
	init_connection(&store->writer, store, TRANSACTION_WRITE);
	for (size_t i = 0; i < PG_READERS_MAX; i++)
		init_connection(&store->readers[i], store, TRANSACTION_READ);
	pthread_mutex_init(&store->scanners_lock, NULL);
	pthread_mutex_init(&store->connecting, NULL);
	store->store.name = strndup(location, strcspn(location, "?"));
	if (store->store.name == NULL)
		(void)set_memory_fault(fault);
	else if (load_libpq(&store->libpq, fault) < 0)
		(void)prefix_fault(fault, "%s", store->store.name);
	else if (parse_location(store, location, fault) == 0) {
		*ret_store = store;
		return 0;
	}
	close_pg(&store->store);
	return -1;
}

int lock_pg_connection(struct pg_connection *connection, struct fault *fault)
{
	const char *name = connection->connection.store->name;
	int problem = lock_for(&connection->lock, LOCK_WAIT_S);

	if (problem == 0)
		return 0;
	if (problem == EDEADLK)
		return set_fault(fault, FAULT_FAILED,
				 "%s: this thread is in a transaction on the same connection "
				 "already",
				 name);
	return set_fault(fault, FAULT_BUSY, "%s: other requests wait for the database: ask again",
			 name);
}

/* Finds out which server takes the writes now, if the writer's connection was lost without being
   used. */
static int look_at_writer(struct pg_store *store, struct fault *fault)
{
	struct pg_connection *writer = &store->writer;
	struct fault ignored = {0};
	int result = 0;

	if (lock_pg_connection(writer, fault) < 0)
		return -1;
	if (writer->handle == NULL ||
	    (execute_pg(writer, "SELECT 1", NULL, &ignored) < 0 && writer->handle == NULL))
		result = reconnect_pg(store, writer, fault);
	pthread_mutex_unlock(&writer->lock);
	return result;
}

/* The connection is to the server that takes the writes. */
static int use_instance(struct pg_store *store, struct pg_connection *connection,
			struct fault *fault)
{
	if (connection->handle != NULL && connection->instance == atomic_load(&store->instance))
		return 0;
	close_pg_connection(connection);
	if (reconnect_pg(store, connection, fault) < 0)
		return -1;
	if (connection->instance == atomic_load(&store->instance))
		return 0;
	if (look_at_writer(store, fault) < 0)
		return -1;
	if (connection->instance == atomic_load(&store->instance))
		return 0;
	close_pg_connection(connection);
	return refuse_away(store, "another server answers than the one that takes the changes",
			   fault);
}

int renew_pg_reader(struct pg_connection *reader, struct fault *fault)
{
	return use_instance(pg_store_of(reader->connection.store), reader, fault);
}

/* The first reader that is free, or else one that will be. */
int lock_pg_reader(struct pg_store *store, struct pg_connection **ret_reader, struct fault *fault)
{
	struct pg_connection *reader = NULL;

	for (unsigned int i = 0; i < PG_READERS_MAX && reader == NULL; i++)
		if (pthread_mutex_trylock(&store->readers[i].lock) == 0)
			reader = &store->readers[i];
	if (reader == NULL) {
		reader = &store->readers[atomic_fetch_add(&store->turn, 1) % PG_READERS_MAX];
		if (lock_pg_connection(reader, fault) < 0)
			return -1;
	}
	if (use_instance(store, reader, fault) < 0) {
		pthread_mutex_unlock(&reader->lock);
		return -1;
	}
	*ret_reader = reader;
	return 0;
}

static int take_scanner(struct pg_store *store, struct pg_connection **ret_scanner,
			struct fault *fault)
{
	CLEANUP(free_scanner) struct pg_connection *scanner = NULL;

	pthread_mutex_lock(&store->scanners_lock);
	for (size_t i = 0; i < PG_SCANNERS_KEPT && scanner == NULL; i++)
		scanner = TAKE(store->scanners[i]);
	pthread_mutex_unlock(&store->scanners_lock);
	if (scanner == NULL) {
		scanner = calloc(1, sizeof(*scanner));
		if (scanner == NULL)
			return set_memory_fault(fault);
		init_connection(scanner, store, TRANSACTION_SCAN);
	}
	if (use_instance(store, scanner, fault) < 0)
		return -1;
	*ret_scanner = TAKE(scanner);
	return 0;
}

void end_pg_scan(struct pg_store *store, struct pg_connection *given)
{
	CLEANUP(free_scanner) struct pg_connection *scanner = given;

	abort_pg(scanner);
	if (scanner->handle == NULL)
		return;
	pthread_mutex_lock(&store->scanners_lock);
	for (size_t i = 0; i < PG_SCANNERS_KEPT && scanner != NULL; i++)
		if (store->scanners[i] == NULL)
			store->scanners[i] = TAKE(scanner);
	pthread_mutex_unlock(&store->scanners_lock);
}

/* A second connection, when the first was lost while it was idle. */
int begin_pg_scan(struct pg_store *store, struct pg_connection **ret_scanner, struct fault *fault)
{
	static const char sql[] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
	struct fault lost = {0};
	struct pg_connection *scanner = NULL;

	if (take_scanner(store, &scanner, fault) < 0)
		return -1;
	if (execute_pg(scanner, sql, NULL, &lost) < 0 &&
	    (use_instance(store, scanner, fault) < 0 ||
	     execute_pg(scanner, sql, NULL, fault) < 0)) {
		free_scanner(&scanner);
		return -1;
	}
	*ret_scanner = scanner;
	return 0;
}

/* Between the statements of a pipeline the server waits for its client without a limit of its own:
   its idle_in_transaction_session_timeout begins with the answer at the pipeline's end. */
bool end_silent_writer(struct pg_connection *connection)
{
	struct fault ignored = {0};
	struct pg_result *result = NULL;
	char sql[512];
	bool ended;

	(void)snprintf(sql, sizeof(sql),
		       "SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity AS a"
		       " WHERE a.datname = current_database()"
		       " AND a.state = 'active' AND a.wait_event = 'ClientRead'"
		       " AND a.state_change < clock_timestamp() - interval '%d milliseconds'"
		       " AND EXISTS (SELECT 1 FROM pg_locks AS l WHERE l.pid = a.pid"
		       " AND l.relation = 'certpool.state'::regclass"
		       " AND l.mode <> 'AccessShareLock')",
		       IDLE_MS);
	if (connection->handle == NULL || execute_pg(connection, sql, &result, &ignored) < 0)
		return false;
	ended = connection->libpq->ntuples(result) > 0;
	connection->libpq->clear(result);
	return ended;
}
