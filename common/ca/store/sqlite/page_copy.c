#include "common/ca/store/sqlite/page_copy.h"

#include "common/base/clock.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

enum { STEP_PAGES = 1000, TRIES_MAX = 200, PAUSE_US = 50000 };

struct copying {
	struct database copy;
	size_t certificates;
	bool settled; /* the moment was one at which a copy can be had */
};

int check_integrity(struct session *session, struct fault *fault)
{
	struct database *database = &session->database;
	CLEANUP(free_statement) sqlite3_stmt *statement = NULL;
	const char *found;
	bool row;

	if (prepare_statement(database, "PRAGMA integrity_check(1)", &statement, fault) < 0 ||
	    step_statement(database, statement, &row, fault) < 0)
		return -1;
	found = row ? (const char *)sqlite3_column_text(statement, 0) : NULL;
	if (found != NULL && strcmp(found, "ok") == 0)
		return 0;
	return set_fault(fault, FAULT_FAILED,
			 "%s: the CA's record is damaged: %s: restore it from a backup",
			 sqlite3_db_filename(database->handle, "main"),
			 found != NULL ? found : "no answer to integrity_check");
}

static int count_certificates(struct session *session, size_t *ret_count, struct fault *fault)
{
	int64_t count;

	if (query_integer(&session->database, "SELECT COUNT(*) FROM certificate", &count, fault) <
	    0)
		return -1;
	*ret_count = (size_t)count;
	return 0;
}

static int copy_pages(struct session *session, struct database *copy, struct fault *fault)
{
	sqlite3_backup *backup =
		sqlite3_backup_init(copy->handle, "main", session->database.handle, "main");
	int code;

	if (backup == NULL)
		return set_database_fault(copy, sqlite3_extended_errcode(copy->handle), fault);
	do
		code = sqlite3_backup_step(backup, STEP_PAGES);
	while (code == SQLITE_OK);
	/* What went wrong is the result of this, too. */
	(void)sqlite3_backup_finish(backup);
	return code == SQLITE_DONE ? 0
				   : set_fault(fault, FAULT_FAILED,
					       "the copy of the record: cannot be written: %s",
					       sqlite3_errstr(code));
}

static void clear_copying(struct copying *copying)
{
	close_database(&copying->copy);
}

static int open_copy(const char *path, struct database *ret_copy, struct fault *fault)
{
	int opened = open_database(path, ret_copy, fault);

	(void)unlink(path);
	if (opened < 0)
		return -1;
	/* A journal would have a file. */
	return run_sql(ret_copy, "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF", fault);
}

/*
 * The transaction's first reading makes it a snapshot. One in which the record says that its log is
 * needed (wal_guard.h) would be refused when it is opened without one; that lasts for moments.
 */
static int copy_settled(struct session *session, void *context, struct fault *fault)
{
	struct copying *copying = context;
	int64_t log_needed;

	if (query_integer(&session->database, "SELECT log_needed FROM state", &log_needed, fault) <
	    0)
		return -1;
	copying->settled = log_needed == 0;
	if (!copying->settled)
		return 0;
	if (count_certificates(session, &copying->certificates, fault) < 0 ||
	    check_integrity(session, fault) < 0)
		return -1;
	return copy_pages(session, &copying->copy, fault);
}

static int change_nothing(struct session *session, void *context, struct fault *fault)
{
	(void)session;
	(void)context;
	(void)fault;
	return 0;
}

int copy_record(struct store *store, const char *path, size_t *ret_certificates,
		struct fault *fault)
{
	CLEANUP(clear_copying) struct copying copying = {0};

	if (open_copy(path, &copying.copy, fault) < 0)
		return -1;
	/* The first transaction of a process settles what one that was killed may have left. */
	if (run_transaction(store, change_nothing, NULL, fault) < 0)
		return -1;
	for (int tries = 0; tries < TRIES_MAX; tries++) {

		if (run_scan(store, copy_settled, &copying, fault) < 0)
			return -1;
		if (copying.settled) {
			*ret_certificates = copying.certificates;
			return 0;
		}
		sleep_us(PAUSE_US);
	}
	return set_fault(fault, FAULT_BUSY, "%s: its log is being copied all the time: try again",
			 store_path(store));
}
