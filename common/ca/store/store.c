#include "common/ca/store/store.h"

#include "common/base/file.h"
#include "common/base/staging.h"
#include "common/base/workers.h"
#include "common/ca/store/session.h"
#include "common/ca/store/sqlite/database.h"
#include "common/ca/store/sqlite/schema.h"
#include "common/ca/store/sqlite/wal_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum {
	SECTOR_LEN = 512, /* a page is a multiple of it */
	READERS_MAX = 4,  /* each has a page cache of its own */
};

/* A connection for reading, by one thread at a time. */
struct reader {
	pthread_mutex_t lock;
	struct session session;
};

/* Reading waits neither for a commit's fsync nor, on as many cores, for others that read. */
struct store {
	char *path;
	struct reader readers[READERS_MAX];
	unsigned int reader_count;
	atomic_uint turn; /* who waits, when all of them are busy, for which */
	pthread_mutex_t write_lock;
	struct session writer;
	struct wal_guard log;
};

int locate_store(const struct layout *layout, char **ret_path, struct fault *fault)
{
	if (asprintf(ret_path, "%s/state/" STORE_FILE, layout->path) < 0) {
		*ret_path = NULL;
		return set_memory_fault(fault);
	}
	return 0;
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

int create_store(const char *path, struct fault *fault)
{
	CLEANUP(close_descriptor) int dirfd = -1;
	CLEANUP(clear_buffer) struct buffer image = {0};
	const char *name = path;

	if (open_parent(path, &dirfd, &name, fault) < 0)
		return -1;
	if (file_exists(dirfd, name))
		return 0;
	if (format_empty_store(&image, fault) < 0 ||
	    write_file(dirfd, name, STAGE_NEW, 0600, bytes_of_buffer(&image), fault) < 0)
		return prefix_fault(fault, "%s", path);
	return 0;
}

/*
 * What SQLite would make a new database of, or follow somewhere else, is not the record. Only the
 * status is looked at: closing a descriptor of the file would drop SQLite's own locks on it.
 */
static int check_file(const char *path, struct fault *fault)
{
	struct stat status;

	if (lstat(path, &status) < 0 && errno == ENOENT)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "%s: expected the CA's record, found none: restore it from a "
				 "backup; for a new CA run certpool init",
				 path);
	if (lstat(path, &status) < 0)
		return set_fault(fault, FAULT_FAILED, "%s: cannot be reached (errno %d)", path,
				 errno);
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
 * SQLite reads what is missing of the last page as zeros, which might be the end of a certificate.
 * With a log that is no damage: the log has that page too.
 */
static int check_size(const char *path, const struct wal_guard *log, struct fault *fault)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return set_errno_fault(fault, "%s", path);
	if (log->found || status.st_size % SECTOR_LEN == 0)
		return 0;
	return set_fault(fault, FAULT_FAILED,
			 "%s: the CA's record is damaged: expected whole pages, found %jd octets: "
			 "restore it from a backup",
			 path, (intmax_t)status.st_size);
}

static void close_session(struct session *session)
{
	for (size_t i = 0; i < session->statement_count; i++)
		free_statement(&session->statements[i].statement);
	session->statement_count = 0;
	close_database(&session->database);
}

int get_statement(struct session *session, const char *sql, sqlite3_stmt **ret_statement,
		  struct fault *fault)
{
	size_t i = 0;

	while (i < session->statement_count && session->statements[i].sql != sql)
		i++;
	if (i == STATEMENTS_MAX)
		return set_fault(fault, FAULT_FAILED, "more than %d statements on the record",
				 STATEMENTS_MAX);
	if (i == session->statement_count) {
		if (prepare_statement(&session->database, sql, &session->statements[i].statement,
				      fault) < 0)
			return -1;
		session->statements[i].sql = sql;
		session->statement_count++;
	}
	*ret_statement = session->statements[i].statement;
	return 0;
}

int run_statement(struct session *session, sqlite3_stmt *statement, struct fault *fault)
{
	bool row;

	if (step_statement(&session->database, statement, &row, fault) < 0)
		return -1;
	reset_statement(statement);
	return 0;
}

int copy_column(sqlite3_stmt *row, int column, char **ret_text, struct fault *fault)
{
	const char *text = (const char *)sqlite3_column_text(row, column);
	char *copy = strdup(text != NULL ? text : "");

	if (copy == NULL)
		return set_memory_fault(fault);
	*ret_text = copy;
	return 0;
}

/* All of it or nothing. */
static int run_between(struct session *session, const char *begin, session_function *function,
		       void *context, struct fault *fault)
{
	if (run_sql(&session->database, begin, fault) < 0)
		return -1;
	if (function(session, context, fault) < 0 ||
	    run_sql(&session->database, "COMMIT", fault) < 0) {
		(void)sqlite3_exec(session->database.handle, "ROLLBACK", NULL, NULL, NULL);
		return -1;
	}
	return 0;
}

static int upgrade(struct session *session, void *context, struct fault *fault)
{
	(void)context;
	return upgrade_schema(&session->database, fault);
}

static int upgrade_old(struct store *store, bool old, struct fault *fault)
{
	if (!old)
		return 0;
	if (guard_wal(&store->log, &store->writer.database, fault) < 0)
		return -1;
	return run_between(&store->writer, "BEGIN IMMEDIATE", upgrade, NULL, fault);
}

static int open_writer(struct store *store, struct fault *fault)
{
	struct database *database = &store->writer.database;
	bool old = false;

	if (look_for_wal(store->path, &store->log, fault) < 0 ||
	    open_database(store->path, database, fault) < 0 ||
	    check_schema(database, &old, fault) < 0 ||
	    check_size(store->path, &store->log, fault) < 0)
		return -1;
	/* Where a file may not be written SQLite opens it for reading, without a word. */
	if (sqlite3_db_readonly(database->handle, "main") != 0)
		return set_database_fault(database, SQLITE_READONLY, fault);
	if (set_pragma(database, "PRAGMA journal_mode = WAL", "wal", fault) < 0 ||
	    check_wal_found(&store->log, database, fault) < 0)
		return -1;
	return upgrade_old(store, old, fault);
}

static int open_reader(const char *path, struct session *session, struct fault *fault)
{
	if (open_database(path, &session->database, fault) < 0)
		return -1;
	return run_sql(&session->database, "PRAGMA query_only = ON", fault);
}

static int open_readers(struct store *store, struct fault *fault)
{
	unsigned int cores = count_cores();

	store->reader_count = cores < READERS_MAX ? cores : READERS_MAX;
	for (unsigned int i = 0; i < store->reader_count; i++)
		if (open_reader(store->path, &store->readers[i].session, fault) < 0)
			return -1;
	return 0;
}

int open_store(const char *path, struct store **ret_store, struct fault *fault)
{
	CLEANUP(free_store) struct store *store = NULL;

	if (check_file(path, fault) < 0)
		return -1;
	store = calloc(1, sizeof(*store));
	if (store == NULL)
		return set_memory_fault(fault);
	for (size_t i = 0; i < READERS_MAX; i++)
		pthread_mutex_init(&store->readers[i].lock, NULL);
	pthread_mutex_init(&store->write_lock, NULL);
	/* Absolute, so that SQLite cannot take it for a URI or for ":memory:". */
	store->path = realpath(path, NULL);
	if (store->path == NULL)
		return set_errno_fault(fault, "%s", path);
	if (open_writer(store, fault) < 0 || check_tables(&store->writer.database, fault) < 0 ||
	    open_readers(store, fault) < 0)
		return -1;
	*ret_store = TAKE(store);
	return 0;
}

void free_store(struct store **store_pointer)
{
	struct store *store = TAKE(*store_pointer);

	if (store == NULL)
		return;
	for (size_t i = 0; i < READERS_MAX; i++)
		close_session(&store->readers[i].session);
	if (store->writer.database.handle != NULL)
		release_wal(&store->log, &store->writer.database);
	close_session(&store->writer);
	for (size_t i = 0; i < READERS_MAX; i++)
		pthread_mutex_destroy(&store->readers[i].lock);
	pthread_mutex_destroy(&store->write_lock);
	free(store->path);
	free(store);
}

const char *store_path(const struct store *store)
{
	return store->path;
}

static int check_unbroken(struct store *store, struct fault *fault)
{
	bool broken = atomic_load(&store->writer.database.broken);

	for (unsigned int i = 0; i < store->reader_count; i++)
		broken |= atomic_load(&store->readers[i].session.database.broken);
	if (!broken)
		return 0;
	return set_fault(fault, FAULT_FAILED,
			 "%s: the record failed before, and is not used any more: see what was "
			 "logged then, mend it, and start the CA again",
			 store->path);
}

int check_store(struct store *store, struct fault *fault)
{
	struct statvfs status;

	if (check_unbroken(store, fault) < 0)
		return -1;
	if (statvfs(store->path, &status) < 0)
		return set_fault(fault, FAULT_FAILED, "%s: cannot be reached (errno %d)",
				 store->path, errno);
	if ((status.f_flag & ST_RDONLY) != 0)
		return set_fault(fault, FAULT_FAILED, "%s: the file system is read-only",
				 store->path);
	if (status.f_bavail == 0)
		return set_fault(fault, FAULT_FAILED, "%s: the disk is full: make room",
				 store->path);
	return 0;
}

static int transact(struct store *store, session_function *function, void *context,
		    struct fault *fault)
{
	struct database *database = &store->writer.database;

	if (guard_wal(&store->log, database, fault) < 0 ||
	    run_between(&store->writer, "BEGIN IMMEDIATE", function, context, fault) < 0 ||
	    check_wal_in_place(&store->log, database, fault) < 0)
		return -1;
	checkpoint_wal(&store->log, database);
	return 0;
}

int run_transaction(struct store *store, session_function *function, void *context,
		    struct fault *fault)
{
	int result;

	if (check_unbroken(store, fault) < 0)
		return -1;
	pthread_mutex_lock(&store->write_lock);
	result = transact(store, function, context, fault);
	pthread_mutex_unlock(&store->write_lock);
	return result;
}

/* Takes the lock of one that is free, the first of them so that its pages are at hand; if none is,
   waits. */
static struct reader *take_reader(struct store *store)
{
	struct reader *reader = store->readers;

	for (unsigned int i = 0; i < store->reader_count; i++)
		if (pthread_mutex_trylock(&store->readers[i].lock) == 0)
			return &store->readers[i];
	reader += atomic_fetch_add(&store->turn, 1) % store->reader_count;
	pthread_mutex_lock(&reader->lock);
	return reader;
}

int run_query(struct store *store, session_function *function, void *context, struct fault *fault)
{
	struct reader *reader;
	int result;

	if (check_unbroken(store, fault) < 0)
		return -1;
	reader = take_reader(store);
	result = function(&reader->session, context, fault);
	pthread_mutex_unlock(&reader->lock);
	return result;
}

int run_scan(struct store *store, session_function *function, void *context, struct fault *fault)
{
	CLEANUP(close_session) struct session session = {0};

	if (check_unbroken(store, fault) < 0 || open_reader(store->path, &session, fault) < 0)
		return -1;
	return run_between(&session, "BEGIN", function, context, fault);
}
