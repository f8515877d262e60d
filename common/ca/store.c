#include "common/ca/store.h"

#include "common/base/file.h"
#include "common/base/staging.h"
#include "common/ca/database.h"
#include "common/ca/record_row.h"
#include "common/ca/schema.h"
#include "common/ca/write_log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum { SECTOR_LEN = 512 }; /* a page is a multiple of it */

enum reader_statement { FIND_BY_KEY, FIND_BY_SERIAL, COUNT_CLIENT, SUMMARIZE, READER_COUNT };
enum writer_statement { INSERT, KEY_THERE, COUNT_FOR_QUOTA, WRITER_COUNT };

static const char *const reader_sql[READER_COUNT] = {
	[FIND_BY_KEY] = "SELECT " RECORD_COLUMNS " FROM certificate WHERE key_sha256 = ?1",
	[FIND_BY_SERIAL] = "SELECT " RECORD_COLUMNS " FROM certificate WHERE serial = ?1",
	[COUNT_CLIENT] = "SELECT COUNT(*) FROM certificate WHERE client = ?1",
	[SUMMARIZE] = "SELECT COUNT(*), COUNT(revoked_at),"
		      " COUNT(*) FILTER (WHERE revoked_at IS NULL AND not_after >= ?1),"
		      " MIN(not_after) FILTER (WHERE revoked_at IS NULL AND not_after >= ?1)"
		      " FROM certificate",
};

static const char *const writer_sql[WRITER_COUNT] = {
	[INSERT] = "INSERT INTO certificate (" RECORD_COLUMNS ")"
		   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
		   " ON CONFLICT (key_sha256) DO NOTHING",
	[KEY_THERE] = "SELECT 1 FROM certificate WHERE key_sha256 = ?1",
	[COUNT_FOR_QUOTA] = "SELECT COUNT(*) FROM certificate WHERE client = ?1",
};

/* Two connections, so that reading does not wait for a commit's fsync. */
struct store {
	pthread_mutex_t read_lock;
	struct database reader;
	sqlite3_stmt *reader_statements[READER_COUNT];

	pthread_mutex_t write_lock;
	struct database writer;
	sqlite3_stmt *writer_statements[WRITER_COUNT];
	struct write_log log;
};

void clear_record(struct record *record)
{
	free(record->subject);
	clear_buffer(&record->der);
	*record = (struct record){0};
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
static int check_size(const char *path, const struct write_log *log, struct fault *fault)
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

static int prepare_all(struct database *database, const char *const *sql, size_t count,
		       sqlite3_stmt **statements, struct fault *fault)
{
	for (size_t i = 0; i < count; i++)
		if (prepare_statement(database, sql[i], &statements[i], fault) < 0)
			return -1;
	return 0;
}

static int open_writer(struct store *store, const char *path, struct fault *fault)
{
	if (look_for_log(path, &store->log, fault) < 0 ||
	    open_database(path, &store->writer, fault) < 0 ||
	    check_schema(&store->writer, fault) < 0 || check_size(path, &store->log, fault) < 0)
		return -1;
	/* Where a file may not be written SQLite opens it for reading, without a word. */
	if (sqlite3_db_readonly(store->writer.handle, "main") != 0)
		return set_database_fault(&store->writer, SQLITE_READONLY, fault);
	if (set_pragma(&store->writer, "PRAGMA journal_mode = WAL", "wal", fault) < 0 ||
	    check_log_found(&store->log, &store->writer, fault) < 0)
		return -1;
	return prepare_all(&store->writer, writer_sql, WRITER_COUNT, store->writer_statements,
			   fault);
}

static int open_reader(struct store *store, const char *path, struct fault *fault)
{
	if (open_database(path, &store->reader, fault) < 0 ||
	    run_sql(&store->reader, "PRAGMA query_only = ON", fault) < 0)
		return -1;
	return prepare_all(&store->reader, reader_sql, READER_COUNT, store->reader_statements,
			   fault);
}

int open_store(const char *path, struct store **ret_store, struct fault *fault)
{
	CLEANUP(free_store) struct store *store = NULL;
	CLEANUP(free_string) char *absolute = NULL;

	if (check_file(path, fault) < 0)
		return -1;
	/* Absolute, so that SQLite cannot take it for a URI or for ":memory:". */
	absolute = realpath(path, NULL);
	if (absolute == NULL)
		return set_errno_fault(fault, "%s", path);
	store = calloc(1, sizeof(*store));
	if (store == NULL)
		return set_memory_fault(fault);
	pthread_mutex_init(&store->read_lock, NULL);
	pthread_mutex_init(&store->write_lock, NULL);
	if (open_writer(store, absolute, fault) < 0 || open_reader(store, absolute, fault) < 0)
		return -1;
	*ret_store = TAKE(store);
	return 0;
}

void free_store(struct store **store_pointer)
{
	struct store *store = TAKE(*store_pointer);

	if (store == NULL)
		return;
	for (size_t i = 0; i < READER_COUNT; i++)
		free_statement(&store->reader_statements[i]);
	close_database(&store->reader);
	for (size_t i = 0; i < WRITER_COUNT; i++)
		free_statement(&store->writer_statements[i]);
	if (store->writer.handle != NULL)
		release_log(&store->log, &store->writer);
	close_database(&store->writer);
	pthread_mutex_destroy(&store->read_lock);
	pthread_mutex_destroy(&store->write_lock);
	free(store);
}

static int check_unbroken(struct store *store, struct fault *fault)
{
	if (!atomic_load(&store->reader.broken) && !atomic_load(&store->writer.broken))
		return 0;
	return set_fault(fault, FAULT_FAILED,
			 "%s: the record failed before, and is not used any more: see what was "
			 "logged then, mend it, and start the CA again",
			 sqlite3_db_filename(store->writer.handle, "main"));
}

int check_store(struct store *store, struct fault *fault)
{
	const char *path = sqlite3_db_filename(store->writer.handle, "main");
	struct statvfs status;

	if (check_unbroken(store, fault) < 0)
		return -1;
	if (statvfs(path, &status) < 0)
		return set_fault(fault, FAULT_FAILED, "%s: cannot be reached (errno %d)", path,
				 errno);
	if ((status.f_flag & ST_RDONLY) != 0)
		return set_fault(fault, FAULT_FAILED, "%s: the file system is read-only", path);
	if (status.f_bavail == 0)
		return set_fault(fault, FAULT_FAILED, "%s: the disk is full: make room", path);
	return 0;
}

static int find_locked(struct store *store, enum reader_statement which, struct bytes key,
		       struct record *ret_record, bool *ret_found, struct fault *fault)
{
	sqlite3_stmt *statement = store->reader_statements[which];
	CLEANUP(clear_record) struct record record = {0};
	bool row;
	int copied;

	(void)sqlite3_bind_blob(statement, 1, key.data, (int)key.len, SQLITE_STATIC);
	if (step_statement(&store->reader, statement, &row, fault) < 0)
		return -1;
	copied = row ? read_record(&store->reader, statement, &record, fault) : 0;
	reset_statement(statement);
	if (copied < 0)
		return -1;
	*ret_record = record;
	record = (struct record){0};
	*ret_found = row;
	return 0;
}

static int find(struct store *store, enum reader_statement which, struct bytes key,
		struct record *ret_record, bool *ret_found, struct fault *fault)
{
	int result;

	if (check_unbroken(store, fault) < 0)
		return -1;
	pthread_mutex_lock(&store->read_lock);
	result = find_locked(store, which, key, ret_record, ret_found, fault);
	pthread_mutex_unlock(&store->read_lock);
	return result;
}

int find_by_key(struct store *store, const uint8_t key_sha256[static SHA256_LEN],
		struct record *ret_record, bool *ret_found, struct fault *fault)
{
	return find(store, FIND_BY_KEY, (struct bytes){key_sha256, SHA256_LEN}, ret_record,
		    ret_found, fault);
}

int find_by_serial(struct store *store, const uint8_t serial[static SERIAL_MAX],
		   struct record *ret_record, bool *ret_found, struct fault *fault)
{
	return find(store, FIND_BY_SERIAL, (struct bytes){serial, SERIAL_MAX}, ret_record,
		    ret_found, fault);
}

/* Counts with a statement of either connection. */
static int count_with(struct database *database, sqlite3_stmt *statement, const char *client,
		      size_t *ret_count, struct fault *fault)
{
	bool row;

	(void)sqlite3_bind_text(statement, 1, client, -1, SQLITE_STATIC);
	if (step_statement(database, statement, &row, fault) < 0)
		return -1;
	*ret_count = row ? (size_t)sqlite3_column_int64(statement, 0) : 0;
	reset_statement(statement);
	return 0;
}

int count_certificates(struct store *store, const char *client, size_t *ret_count,
		       struct fault *fault)
{
	int result;

	if (check_unbroken(store, fault) < 0)
		return -1;
	pthread_mutex_lock(&store->read_lock);
	result = count_with(&store->reader, store->reader_statements[COUNT_CLIENT], client,
			    ret_count, fault);
	pthread_mutex_unlock(&store->read_lock);
	return result;
}

static int insert_record(struct store *store, const struct record *record,
			 enum insert_result *ret_result, struct fault *fault)
{
	sqlite3_stmt *statement = store->writer_statements[INSERT];
	bool row;

	bind_record(statement, record);
	if (step_statement(&store->writer, statement, &row, fault) < 0)
		return -1;
	*ret_result = sqlite3_changes(store->writer.handle) > 0 ? INSERTED : KEY_EXISTS;
	return 0;
}

/* Why a record of a client that has no room left is not stored. */
static int refuse_record(struct store *store, const struct record *record,
			 enum insert_result *ret_result, struct fault *fault)
{
	sqlite3_stmt *statement = store->writer_statements[KEY_THERE];
	bool row;

	(void)sqlite3_bind_blob(statement, 1, record->key_sha256, SHA256_LEN, SQLITE_STATIC);
	if (step_statement(&store->writer, statement, &row, fault) < 0)
		return -1;
	reset_statement(statement);
	*ret_result = row ? KEY_EXISTS : OVER_QUOTA;
	return 0;
}

static int insert_all(struct store *store, const struct record *records, size_t count, size_t quota,
		      enum insert_result *ret_results, struct fault *fault)
{
	size_t has;

	if (count_with(&store->writer, store->writer_statements[COUNT_FOR_QUOTA], records[0].client,
		       &has, fault) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		int result = has < quota
				     ? insert_record(store, &records[i], &ret_results[i], fault)
				     : refuse_record(store, &records[i], &ret_results[i], fault);

		if (result < 0)
			return -1;
		has += ret_results[i] == INSERTED;
	}
	return 0;
}

static int insert_locked(struct store *store, const struct record *records, size_t count,
			 size_t quota, enum insert_result *ret_results, struct fault *fault)
{
	if (guard_log(&store->log, &store->writer, fault) < 0 ||
	    run_sql(&store->writer, "BEGIN IMMEDIATE", fault) < 0)
		return -1;
	if (insert_all(store, records, count, quota, ret_results, fault) < 0 ||
	    run_sql(&store->writer, "COMMIT", fault) < 0) {
		(void)sqlite3_exec(store->writer.handle, "ROLLBACK", NULL, NULL, NULL);
		return -1;
	}
	if (check_log_in_place(&store->log, &store->writer, fault) < 0)
		return -1;
	fold_log(&store->log, &store->writer);
	return 0;
}

int insert_records(struct store *store, const struct record *records, size_t count, size_t quota,
		   enum insert_result *ret_results, struct fault *fault)
{
	int result;

	if (check_unbroken(store, fault) < 0)
		return -1;
	if (count == 0)
		return 0;
	pthread_mutex_lock(&store->write_lock);
	result = insert_locked(store, records, count, quota, ret_results, fault);
	pthread_mutex_unlock(&store->write_lock);
	return result;
}

static int summarize_locked(struct store *store, int64_t now_s, struct store_summary *ret_summary,
			    struct fault *fault)
{
	sqlite3_stmt *statement = store->reader_statements[SUMMARIZE];
	struct store_summary summary;
	bool row;

	(void)sqlite3_bind_int64(statement, 1, now_s);
	if (step_statement(&store->reader, statement, &row, fault) < 0)
		return -1;
	summary.certificates = (size_t)sqlite3_column_int64(statement, 0);
	summary.revoked = (size_t)sqlite3_column_int64(statement, 1);
	summary.valid = (size_t)sqlite3_column_int64(statement, 2);
	summary.expired = summary.certificates - summary.revoked - summary.valid;
	summary.first_expiry_s = sqlite3_column_int64(statement, 3);
	reset_statement(statement);
	*ret_summary = summary;
	return 0;
}

int summarize_store(struct store *store, int64_t now_s, struct store_summary *ret_summary,
		    struct fault *fault)
{
	int result;

	if (check_unbroken(store, fault) < 0)
		return -1;
	pthread_mutex_lock(&store->read_lock);
	result = summarize_locked(store, now_s, ret_summary, fault);
	pthread_mutex_unlock(&store->read_lock);
	return result;
}
