#include "common/ca/store/sqlite/sqlite_store.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/staging.h"
#include "common/base/workers.h"
#include "common/ca/store/sqlite/page_copy.h"
#include "common/ca/store/sqlite/schema.h"
#include "common/ca/store/sqlite/sqlite_statement.h"
#include "common/ca/store/sqlite/wal_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum {
	SECTOR_LEN = 512, /* a page is a multiple of it */
	READERS_MAX = 4,  /* each has a page cache of its own */
	MARKING_TRIES_MAX = 100,
};

/* A reader waits neither for a commit's fsync nor, given as many cores, for other readers. */
struct sqlite_store {
	struct store store;
	struct sqlite_connection readers[READERS_MAX];
	unsigned int reader_count;
	atomic_uint turn; /* which reader to wait for when all are in use */
	struct sqlite_connection writer;
	struct wal_guard wal;
};

static struct sqlite_store *sqlite_store_of(struct store *store)
{
	return (struct sqlite_store *)store;
}

/* The directory of a path and the name in it. */
static int open_parent(const char *path, int *ret_dirfd, const char **ret_name, struct fault *fault)
{
	const char *slash = strrchr(path, '/');
	CLEANUP(free_string) char *parent = NULL;

	parent = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path + 1));
	if (parent == NULL)
		return set_memory_fault(fault);
	*ret_name = slash == NULL ? path : slash + 1;
	return open_directory(AT_FDCWD, parent, ret_dirfd, fault);
}

static int find_sqlite(const char *path, bool *ret_found, struct fault *fault)
{
	CLEANUP(close_descriptor) int dirfd = -1;
	const char *name = path;

	if (open_parent(path, &dirfd, &name, fault) < 0)
		return -1;
	if (find_file(dirfd, name, ret_found, fault) < 0)
		return prefix_fault(fault, "%s", path);
	return 0;
}

static int create_sqlite(const char *path, struct fault *fault)
{
	CLEANUP(close_descriptor) int dirfd = -1;
	CLEANUP(clear_buffer) struct buffer image = {0};
	const char *name = path;
	bool found;

	if (open_parent(path, &dirfd, &name, fault) < 0)
		return -1;
	if (find_file(dirfd, name, &found, fault) < 0)
		return prefix_fault(fault, "%s", path);
	if (found)
		return 0;
	if (format_empty_store(&image, fault) < 0 ||
	    write_file(dirfd, name, STAGE_NEW, 0600, bytes_of_buffer(&image), fault) < 0)
		return prefix_fault(fault, "%s", path);
	return 0;
}

/*
 * SQLite would follow a link, and make a new database of a file that is empty or not there. Only
 * the status is looked at: closing a descriptor of the file would drop SQLite's own locks on it.
 */
static int check_file(const char *path, struct fault *fault)
{
	struct stat status;
	bool found = lstat(path, &status) == 0;

	if (!found && errno != ENOENT)
		return set_errno_fault(fault, "%s: cannot be reached", path);
	if (!found)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "%s: expected the CA's record, found none: restore it from a "
				 "backup; for a new CA run certpool init",
				 path);
	if (!S_ISREG(status.st_mode))
		return set_fault(fault, FAULT_FAILED,
				 "%s: expected the CA's record, found no regular file", path);
	if (status.st_size == 0)
		return set_fault(fault, FAULT_FAILED,
				 "%s: expected the CA's record, found an empty file: restore it "
				 "from a backup; a new one would forget what was issued",
				 path);
	return 0;
}

/*
 * SQLite reads the missing rest of the last page as zeros, which might be the end of a certificate.
 * With a log that is no damage: the log has that page too.
 */
static int check_size(const char *path, const struct wal_guard *wal, struct fault *fault)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return set_errno_fault(fault, "%s", path);
	if (wal->found || status.st_size % SECTOR_LEN == 0)
		return 0;
	return set_fault(fault, FAULT_FAILED,
			 "%s: the CA's record is damaged: expected whole pages, found %jd octets: "
			 "restore it from a backup",
			 path, (intmax_t)status.st_size);
}

static int upgrade_store(struct sqlite_store *store, struct fault *fault)
{
	struct store_connection *connection = NULL;

	if (begin_sqlite(&store->store, TRANSACTION_WRITE, &connection, fault) < 0)
		return -1;
	if (upgrade_schema(&store->writer.database, fault) < 0) {
		rollback_sqlite(connection);
		return -1;
	}
	return commit_sqlite(connection, fault);
}

static int open_writer(struct sqlite_store *store, struct fault *fault)
{
	const char *path = store->store.name;
	struct database *database = &store->writer.database;
	bool old = false;

	if (look_for_wal(path, &store->wal, fault) < 0 ||
	    open_database(path, database, fault) < 0 || check_schema(database, &old, fault) < 0 ||
	    check_size(path, &store->wal, fault) < 0)
		return -1;
	/* SQLite opens a file that may not be written for reading only, and reports success. */
	if (sqlite3_db_readonly(database->handle, "main") != 0)
		return set_database_fault(database, SQLITE_READONLY, fault);
	if (set_pragma(database, "PRAGMA journal_mode = WAL", "wal", fault) < 0 ||
	    check_wal_found(&store->wal, database, fault) < 0 ||
	    (old && upgrade_store(store, fault) < 0))
		return -1;
	return check_tables(database, fault);
}

static int open_reader(const char *path, struct sqlite_connection *reader, struct fault *fault)
{
	if (open_database(path, &reader->database, fault) < 0)
		return -1;
	return run_sql(&reader->database, "PRAGMA query_only = ON", fault);
}

static int open_readers(struct sqlite_store *store, struct fault *fault)
{
	unsigned int cores = count_cores();

	store->reader_count = cores < READERS_MAX ? cores : READERS_MAX;
	for (unsigned int i = 0; i < store->reader_count; i++)
		if (open_reader(store->store.name, &store->readers[i], fault) < 0)
			return -1;
	return 0;
}

/* A thread that locks the connection a second time gets an error instead of waiting for itself. */
static void init_connection(struct sqlite_connection *connection, struct store *store,
			    enum transaction_mode mode)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&connection->lock, &attributes);
	pthread_mutexattr_destroy(&attributes);
	connection->connection.store = store;
	connection->mode = mode;
}

static int open_sqlite(const char *path, struct store **ret_store, struct fault *fault)
{
	CLEANUP(free_store) struct store *opened = NULL;
	struct sqlite_store *store;

	if (check_file(path, fault) < 0)
		return -1;
	store = calloc(1, sizeof(*store));
	if (store == NULL)
		return set_memory_fault(fault);
	opened = &store->store;
	opened->driver = &sqlite_driver;
	for (size_t i = 0; i < READERS_MAX; i++)
		init_connection(&store->readers[i], opened, TRANSACTION_READ);
	init_connection(&store->writer, opened, TRANSACTION_WRITE);
	/* Absolute, so that SQLite cannot take it for a URI or for ":memory:". */
	opened->name = realpath(path, NULL);
	if (opened->name == NULL)
		return set_errno_fault(fault, "%s", path);
	if (open_writer(store, fault) < 0 || open_readers(store, fault) < 0)
		return -1;
	*ret_store = TAKE(opened);
	return 0;
}

static void close_sqlite(struct store *base)
{
	struct sqlite_store *store = sqlite_store_of(base);

	for (size_t i = 0; i < READERS_MAX; i++) {
		close_sqlite_connection(&store->readers[i]);
		pthread_mutex_destroy(&store->readers[i].lock);
	}
	if (store->writer.database.handle != NULL)
		release_wal(&store->wal, &store->writer.database);
	close_sqlite_connection(&store->writer);
	pthread_mutex_destroy(&store->writer.lock);
	free(base->name);
	free(store);
}

static int check_unbroken(struct sqlite_store *store, struct fault *fault)
{
	bool broken = atomic_load(&store->writer.database.broken);

	for (unsigned int i = 0; i < store->reader_count; i++)
		broken |= atomic_load(&store->readers[i].database.broken);
	if (!broken)
		return 0;
	return set_fault(fault, FAULT_FAILED,
			 "%s: the record failed before, and is not used any more: see what was "
			 "logged then, mend it, and start the CA again",
			 store->store.name);
}

static int check_sqlite_health(struct store *store, struct fault *fault)
{
	struct statvfs status;

	if (check_unbroken(sqlite_store_of(store), fault) < 0)
		return -1;
	if (statvfs(store->name, &status) < 0)
		return set_fault(fault, FAULT_FAILED, "%s: cannot be reached (errno %d)",
				 store->name, errno);
	if ((status.f_flag & ST_RDONLY) != 0)
		return set_fault(fault, FAULT_FAILED, "%s: the file system is read-only",
				 store->name);
	if (status.f_bavail == 0)
		return set_fault(fault, FAULT_FAILED, "%s: the disk is full: make room",
				 store->name);
	return 0;
}

/* Reads and writes go to the same file. */
static int64_t sqlite_commit_age_s(struct store *store)
{
	(void)store;
	return 0;
}

static int confirm_sqlite(struct store *store, struct fault *fault)
{
	(void)store;
	(void)fault;
	return 0;
}

static int lock_connection(struct sqlite_connection *connection, struct fault *fault)
{
	if (pthread_mutex_lock(&connection->lock) == 0)
		return 0;
	return set_fault(fault, FAULT_FAILED,
			 "%s: this thread is in a transaction on the same connection already",
			 connection->connection.store->name);
}

/* The first reader that is free, whose pages are likeliest to be cached, or one that will be. */
static int lock_reader(struct sqlite_store *store, struct sqlite_connection **ret_reader,
		       struct fault *fault)
{
	for (unsigned int i = 0; i < store->reader_count; i++)
		if (pthread_mutex_trylock(&store->readers[i].lock) == 0) {
			*ret_reader = &store->readers[i];
			return 0;
		}
	*ret_reader = &store->readers[atomic_fetch_add(&store->turn, 1) % store->reader_count];
	return lock_connection(*ret_reader, fault);
}

static void free_scanner(struct sqlite_connection **scanner_pointer)
{
	struct sqlite_connection *scanner = TAKE(*scanner_pointer);

	if (scanner == NULL)
		return;
	close_sqlite_connection(scanner);
	pthread_mutex_destroy(&scanner->lock);
	free(scanner);
}

static int begin_scan(struct sqlite_store *store, struct sqlite_connection **ret_scanner,
		      struct fault *fault)
{
	CLEANUP(free_scanner) struct sqlite_connection *scanner = NULL;

	if (check_wal_before_opening(&store->wal, &store->writer.database, fault) < 0)
		return -1;
	scanner = calloc(1, sizeof(*scanner));
	if (scanner == NULL)
		return set_memory_fault(fault);
	init_connection(scanner, &store->store, TRANSACTION_SCAN);
	if (open_reader(store->store.name, scanner, fault) < 0 ||
	    run_sql(&scanner->database, "BEGIN", fault) < 0)
		return -1;
	*ret_scanner = TAKE(scanner);
	return 0;
}

/* Undoes what the connection's transaction, if it still has one, has changed. */
static void undo_changes(struct sqlite_connection *connection)
{
	(void)sqlite3_exec(connection->database.handle, "ROLLBACK", NULL, NULL, NULL);
}

/* Begins a transaction that excludes other writers, while no process is marking the record. */
static int begin_unmarked(struct sqlite_store *store, struct fault *fault)
{
	struct database *database = &store->writer.database;
	bool marking;

	for (int tries = 0; tries < MARKING_TRIES_MAX; tries++) {
		if (run_sql(database, "BEGIN IMMEDIATE", fault) < 0)
			return -1;
		if (look_for_marking(&store->wal, &marking, fault) < 0) {
			undo_changes(&store->writer);
			return -1;
		}
		if (!marking)
			return 0;
		undo_changes(&store->writer);
		if (finish_marking(&store->wal, database, fault) < 0)
			return -1;
	}
	return set_fault(fault, FAULT_BUSY, "%s: its log is being copied all the time: try again",
			 store->store.name);
}

static int begin_write(struct sqlite_store *store, struct fault *fault)
{
	struct database *database = &store->writer.database;

	if (lock_connection(&store->writer, fault) < 0)
		return -1;
	/* The disk may have failed while this thread waited for the lock. */
	if (check_unbroken(store, fault) == 0 && guard_wal(&store->wal, database, fault) == 0 &&
	    begin_unmarked(store, fault) == 0)
		return 0;
	pthread_mutex_unlock(&store->writer.lock);
	return -1;
}

int begin_sqlite(struct store *base, enum transaction_mode mode,
		 struct store_connection **ret_connection, struct fault *fault)
{
	struct sqlite_store *store = sqlite_store_of(base);
	struct sqlite_connection *connection = &store->writer;
	int result = check_unbroken(store, fault);

	if (result < 0)
		return -1;
	switch (mode) {
	case TRANSACTION_READ:
		result = lock_reader(store, &connection, fault);
		break;
	case TRANSACTION_SCAN:
		result = begin_scan(store, &connection, fault);
		break;
	case TRANSACTION_WRITE:
		result = begin_write(store, fault);
		break;
	}
	if (result < 0)
		return -1;
	*ret_connection = &connection->connection;
	return 0;
}

static int commit_write(struct sqlite_store *store, struct fault *fault)
{
	struct database *database = &store->writer.database;

	if (run_sql(database, "COMMIT", fault) < 0) {
		undo_changes(&store->writer);
		return -1;
	}
	if (check_wal_in_place(&store->wal, database, fault) < 0)
		return -1;
	checkpoint_wal(&store->wal, database);
	return 0;
}

int commit_sqlite(struct store_connection *base, struct fault *fault)
{
	struct sqlite_store *store = sqlite_store_of(base->store);
	int result;

	/* Nothing of a reading transaction can be committed. */
	if (base != &store->writer.connection) {
		rollback_sqlite(base);
		return 0;
	}
	result = commit_write(store, fault);
	pthread_mutex_unlock(&store->writer.lock);
	return result;
}

void rollback_sqlite(struct store_connection *base)
{
	struct sqlite_connection *connection = (struct sqlite_connection *)base;

	if (connection->mode == TRANSACTION_SCAN) {
		free_scanner(&connection);
		return;
	}
	if (connection->mode == TRANSACTION_WRITE)
		undo_changes(connection);
	pthread_mutex_unlock(&connection->lock);
}

static int measure_sqlite_reusable(struct store *store, uint64_t *ret_octets, struct fault *fault)
{
	struct store_connection *connection = NULL;
	int result;

	if (begin_sqlite(store, TRANSACTION_READ, &connection, fault) < 0)
		return -1;
	result = measure_free_pages(&((struct sqlite_connection *)connection)->database, ret_octets,
				    fault);
	rollback_sqlite(connection);
	return result;
}

/* All that use the file are on this machine. */
static int read_sqlite_clock(struct store_connection *connection, int64_t *ret_now_s,
			     struct fault *fault)
{
	(void)connection;
	(void)fault;
	*ret_now_s = read_clock();
	return 0;
}

/* log_needed: wal_guard.h. */
static const char columns_sql[] =
	"SELECT m.name, c.name,"
	" CASE c.type WHEN 'INTEGER' THEN 1 WHEN 'TEXT' THEN 2 WHEN 'BLOB' THEN 3 ELSE 4 END"
	" FROM sqlite_schema m JOIN pragma_table_info(m.name) c"
	" WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND c.name <> 'log_needed'"
	" ORDER BY m.name, c.name";

const struct store_driver sqlite_driver = {
	.find = find_sqlite,
	.create = create_sqlite,
	.open = open_sqlite,
	.close = close_sqlite,
	.check_health = check_sqlite_health,
	.commit_age_s = sqlite_commit_age_s,
	.confirm = confirm_sqlite,
	.copy = copy_sqlite_pages,
	.measure_reusable = measure_sqlite_reusable,
	.begin = begin_sqlite,
	.commit = commit_sqlite,
	.rollback = rollback_sqlite,
	.read_clock = read_sqlite_clock,
	.run = run_sqlite,
	.open_cursor = open_sqlite_cursor,
	.step = step_sqlite_cursor,
	.column = get_sqlite_column,
	.column_name = get_sqlite_column_name,
	.close_cursor = close_sqlite_cursor,
	.insert_rows = insert_sqlite_rows,
	.look_up = look_up_sqlite,
	.columns_sql = columns_sql,
	.report_damage = report_sqlite_damage,
	.check_integrity = check_sqlite_pages,
};
