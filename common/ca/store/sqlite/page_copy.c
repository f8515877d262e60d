#include "common/ca/store/sqlite/page_copy.h"

#include "common/base/clock.h"
#include "common/ca/store/sqlite/sqlite_statement.h"
#include "common/ca/store/sqlite/sqlite_store.h"

#include <string.h>
#include <unistd.h>

enum { STEP_PAGES = 1000, TRIES_MAX = 200, PAUSE_US = 50000 };

static struct database *database_of(struct store_connection *connection)
{
	return &((struct sqlite_connection *)connection)->database;
}

int check_sqlite_pages(struct store_connection *connection, damage_function *function,
		       void *context, struct fault *fault)
{
	struct database *database = database_of(connection);
	CLEANUP(free_statement) sqlite3_stmt *statement = NULL;
	const char *text = "no answer to integrity_check";
	bool row = true;

	if (prepare_statement(database, "PRAGMA integrity_check", &statement, fault) < 0)
		return -1;
	/* One row, "ok", or one for each problem. */
	for (size_t rows = 0; row; rows++) {
		if (step_statement(database, statement, &row, fault) < 0)
			return -1;
		if (row)
			text = (const char *)sqlite3_column_text(statement, 0);
		if (text == NULL)
			return set_memory_fault(fault);
		if ((row || rows == 0) && strcmp(text, "ok") != 0 &&
		    function(context, text, fault) < 0)
			return -1;
	}
	return 0;
}

static int open_copy(const char *path, struct database *ret_copy, struct fault *fault)
{
	int opened = open_database(path, ret_copy, fault);

	(void)unlink(path);
	if (opened < 0)
		return -1;
	/* A journal in a file would outlive a killed process. */
	return run_sql(ret_copy, "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF", fault);
}

static int write_copy(struct database *database, struct database *copy, struct fault *fault)
{
	sqlite3_backup *backup =
		sqlite3_backup_init(copy->handle, "main", database->handle, "main");
	int code;

	if (backup == NULL)
		return set_database_fault(copy, sqlite3_extended_errcode(copy->handle), fault);
	do
		code = sqlite3_backup_step(backup, STEP_PAGES);
	while (code == SQLITE_OK);
	/* Returns the failure of a step once more. */
	(void)sqlite3_backup_finish(backup);
	return code == SQLITE_DONE ? 0
				   : set_fault(fault, FAULT_FAILED,
					       "the copy of the record: cannot be written: %s",
					       sqlite3_errstr(code));
}

static void end_scan(struct store_connection **connection)
{
	if (*connection != NULL)
		rollback_sqlite(TAKE(*connection));
}

/*
 * Copies one snapshot. *ret_copied false: the record says in it that its log is needed
 * (wal_guard.h), so that the copy, which has none, could not be opened. That lasts for moments.
 */
static int copy_snapshot(struct store *store, struct database *copy, bool *ret_copied,
			 size_t *ret_certificates, struct fault *fault)
{
	CLEANUP(end_scan) struct store_connection *connection = NULL;
	struct database *database;
	int64_t log_needed;
	int64_t count;

	if (begin_sqlite(store, TRANSACTION_SCAN, &connection, fault) < 0)
		return -1;
	database = database_of(connection);
	/* The first statement makes the snapshot. */
	if (query_integer(database, "SELECT log_needed FROM state", &log_needed, fault) < 0)
		return -1;
	*ret_copied = log_needed == 0;
	if (!*ret_copied)
		return 0;
	if (query_integer(database, "SELECT COUNT(*) FROM certificate", &count, fault) < 0 ||
	    check_sqlite_pages(connection, refuse_damage, store, fault) < 0)
		return -1;
	*ret_certificates = (size_t)count;
	return write_copy(database, copy, fault);
}

int copy_sqlite_pages(struct store *store, const char *path, size_t *ret_certificates,
		      struct fault *fault)
{
	CLEANUP(close_database) struct database copy = {0};
	struct store_connection *connection = NULL;

	if (open_copy(path, &copy, fault) < 0)
		return -1;
	/* The first writing transaction of a process takes back the mark (wal_guard.h) that a
	   killed process may have left. */
	if (begin_sqlite(store, TRANSACTION_WRITE, &connection, fault) < 0 ||
	    commit_sqlite(connection, fault) < 0)
		return -1;
	for (int tries = 0; tries < TRIES_MAX; tries++) {
		bool copied;

		if (copy_snapshot(store, &copy, &copied, ret_certificates, fault) < 0)
			return -1;
		if (copied)
			return 0;
		sleep_us(PAUSE_US);
	}
	return set_fault(fault, FAULT_BUSY, "%s: its log is being copied all the time: try again",
			 store->name);
}
