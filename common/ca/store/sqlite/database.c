#include "common/ca/store/sqlite/database.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

/* The meaning of a primary result code for the operator. */
static const struct {
	int code;
	bool broken;
	const char *meaning;
} meanings[] = {
	{SQLITE_CORRUPT, true,
	 "the CA's record is damaged; nothing is issued from it: restore it from a backup"},
	{SQLITE_NOTADB, true,
	 "expected the CA's record, found something else: restore it from a backup"},
	{SQLITE_IOERR, true,
	 "the disk failed; nothing is issued any more: mend the disk, then start the CA again"},
	{SQLITE_FULL, false, "the disk is full: make room, and ask again"},
	{SQLITE_READONLY, false,
	 "the CA's record cannot be written: mend its permissions, those of its directory and the "
	 "file system's"},
	{SQLITE_CANTOPEN, false,
	 "the CA's record cannot be opened: mend its permissions and those of its directory"},
	{SQLITE_BUSY, false, "another process is writing to the CA's record: ask again"},
	{SQLITE_LOCKED, false, "another process is writing to the CA's record: ask again"},
	{SQLITE_NOMEM, false, "out of memory"},
};

enum { PRIMARY_CODE = 0xff };

/*
 * SQLite calls a disk full for ENOSPC of the file or its log alone. The end of a quota is no
 * failure of the disk either, nor is want of room for the log's index. (sqlite3_system_errno does
 * not have the errno of a failed COMMIT; a failed write leaves it in errno.)
 */
static bool is_full(int code)
{
	return (code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_SHMSIZE) &&
	       (errno == EDQUOT || errno == ENOSPC);
}

int set_database_fault(struct database *database, int code, struct fault *fault)
{
	const char *path = sqlite3_db_filename(database->handle, "main");
	const char *meaning = "the CA's record could not be used";
	bool known;

	if (is_full(code))
		code = SQLITE_FULL;
	known = sqlite3_extended_errcode(database->handle) == code;
	for (size_t i = 0; i < COUNT_OF(meanings); i++) {
		if (meanings[i].code != (code & PRIMARY_CODE))
			continue;
		meaning = meanings[i].meaning;
		if (meanings[i].broken)
			atomic_store(&database->broken, true);
	}
	return set_fault(fault, FAULT_FAILED, "%s: %s (SQLite: %s, code %d)",
			 path != NULL ? path : "the CA's record", meaning,
			 known ? sqlite3_errmsg(database->handle) : sqlite3_errstr(code), code);
}

static int configure(struct database *database, struct fault *fault)
{
	/* A manipulated schema in the file must not run code: triggers, views, functions. */
	(void)sqlite3_db_config(database->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(database->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	(void)sqlite3_busy_timeout(database->handle, BUSY_TIMEOUT_MS);
	/* Half of SQLite's default: the kernel caches the file's pages as well. A serving CA may
	   open no file outside its layout, so that what is temporary is in memory: nothing large
	   is. */
	return run_sql(database,
		       "PRAGMA cell_size_check = ON; PRAGMA synchronous = FULL; "
		       "PRAGMA cache_size = -1000; PRAGMA temp_store = MEMORY",
		       fault);
}

static pthread_once_t configure_once = PTHREAD_ONCE_INIT;

/* SQLite would take a lock around each of its allocations to count the memory in use. */
static void stop_counting_memory(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int open_database(const char *path, struct database *ret_database, struct fault *fault)
{
	/* One thread at a time uses the connection, so that it needs no lock of SQLite's. */
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int code;

	(void)pthread_once(&configure_once, stop_counting_memory);
	code = sqlite3_open_v2(path, &ret_database->handle, flags, NULL);
	if (ret_database->handle == NULL)
		return set_memory_fault(fault);
	if (code != SQLITE_OK)
		(void)set_database_fault(ret_database, code, fault);
	if (code != SQLITE_OK || configure(ret_database, fault) < 0) {
		close_database(ret_database);
		return -1;
	}
	return 0;
}

void close_database(struct database *database)
{
	(void)sqlite3_close(database->handle);
	database->handle = NULL;
}

int run_sql(struct database *database, const char *sql, struct fault *fault)
{
	int code = sqlite3_exec(database->handle, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : set_database_fault(database, code, fault);
}

int prepare_statement(struct database *database, const char *sql, sqlite3_stmt **ret_statement,
		      struct fault *fault)
{
	int code = sqlite3_prepare_v3(database->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
				      ret_statement, NULL);

	return code == SQLITE_OK ? 0 : set_database_fault(database, code, fault);
}

void free_statement(sqlite3_stmt **statement)
{
	(void)sqlite3_finalize(*statement);
	*statement = NULL;
}

int step_statement(struct database *database, sqlite3_stmt *statement, bool *ret_row,
		   struct fault *fault)
{
	int code = sqlite3_step(statement);

	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return set_database_fault(database, code, fault);
	*ret_row = code == SQLITE_ROW;
	return 0;
}

void reset_statement(sqlite3_stmt *statement)
{
	(void)sqlite3_reset(statement);
	(void)sqlite3_clear_bindings(statement);
}

int query_integer(struct database *database, const char *sql, int64_t *ret_value,
		  struct fault *fault)
{
	CLEANUP(free_statement) sqlite3_stmt *statement = NULL;
	bool row = false;

	if (prepare_statement(database, sql, &statement, fault) < 0 ||
	    step_statement(database, statement, &row, fault) < 0)
		return -1;
	*ret_value = row ? sqlite3_column_int64(statement, 0) : 0;
	return 0;
}

int measure_free_pages(struct database *database, uint64_t *ret_octets, struct fault *fault)
{
	int64_t octets;

	if (query_integer(database,
			  "SELECT freelist_count * page_size FROM pragma_freelist_count, "
			  "pragma_page_size",
			  &octets, fault) < 0)
		return -1;
	*ret_octets = (uint64_t)octets;
	return 0;
}

int set_pragma(struct database *database, const char *sql, const char *expected,
	       struct fault *fault)
{
	CLEANUP(free_statement) sqlite3_stmt *statement = NULL;
	const char *found;
	bool row = false;

	if (prepare_statement(database, sql, &statement, fault) < 0 ||
	    step_statement(database, statement, &row, fault) < 0)
		return -1;
	found = row ? (const char *)sqlite3_column_text(statement, 0) : NULL;
	if (found == NULL || strcmp(found, expected) != 0)
		return set_fault(fault, FAULT_FAILED, "%s: %s: expected \"%s\", found \"%s\"",
				 sqlite3_db_filename(database->handle, "main"), sql, expected,
				 found != NULL ? found : "nothing");
	return 0;
}
