#include "common/ca/store/sqlite/wal_guard.h"

#include "common/base/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
	FOLD_PAGES = 2000, /* 8 MB: some four thousand certificates */
	FOLD_TIMEOUT_MS = 200,
};

static bool log_has_content(const struct wal_guard *log)
{
	struct stat status;

	/* An empty one is as good as none: SQLite makes one by merely looking at the record. */
	return stat(log->path, &status) == 0 && status.st_size > 0;
}

int look_for_wal(const char *record, struct wal_guard *ret_log, struct fault *fault)
{
	struct wal_guard log = {.fold_at = FOLD_PAGES};
	int len = snprintf(log.path, sizeof(log.path), "%s-wal", record);

	if (len < 0 || (size_t)len >= sizeof(log.path))
		return set_fault(fault, FAULT_FAILED, "%s: the path is too long", record);
	log.found = log_has_content(&log);
	*ret_log = log;
	return 0;
}

int check_wal_found(struct wal_guard *log, struct database *database, struct fault *fault)
{
	const char *path = sqlite3_db_filename(database->handle, "main");
	int64_t needed;

	if (query_integer(database, "SELECT log_needed FROM state", &needed, fault) < 0)
		return -1;
	if (needed == 0)
		return 0;
	/*
	 * Another process may have made the log just after we looked for it. It took the 1 not back
	 * yet; if it was killed before, that is left to us, lest we remove the log with the 1.
	 */
	if (log->found || log_has_content(log)) {
		log->marked = true;
		return 0;
	}
	return set_fault(fault, FAULT_FAILED,
			 "%s: expected %s beside it, found none: the CA was not stopped in order, "
			 "and what it issued last is in that file alone; put it back, or restore a "
			 "backup that was made with sqlite3's .backup",
			 path, log->path);
}

static int count_pages(void *context, sqlite3 *handle, const char *name, int pages)
{
	struct wal_guard *log = context;

	(void)handle;
	(void)name;
	log->pages = pages;
	return SQLITE_OK;
}

/* Copies the log into the main file. Somebody else who reads an older state may prevent that for
   some of it, which is no failure. */
static int copy_log(struct database *database, struct fault *fault)
{
	int code;

	(void)sqlite3_busy_timeout(database->handle, FOLD_TIMEOUT_MS);
	code = sqlite3_wal_checkpoint_v2(database->handle, "main", SQLITE_CHECKPOINT_FULL, NULL,
					 NULL);
	(void)sqlite3_busy_timeout(database->handle, BUSY_TIMEOUT_MS);
	if (code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY)
		return 0;
	return set_database_fault(database, code, fault);
}

/*
 * One process at a time between a 1 and its 0: the copy that one makes must not have the other's 0
 * in it. The record's directory is what they lock.
 */
static int lock_marking(const struct wal_guard *log, int *ret_lock, struct fault *fault)
{
	const char *slash = strrchr(log->path, '/');
	char parent[sizeof(log->path)];

	(void)snprintf(parent, sizeof(parent), "%.*s",
		       slash != NULL ? (int)(slash - log->path) + 1 : 1,
		       slash != NULL ? log->path : ".");
	return lock_directory(AT_FDCWD, parent, ret_lock, fault);
}

static int unmark(struct wal_guard *log, struct database *database, struct fault *fault)
{
	if (run_sql(database, "UPDATE state SET log_needed = 0 WHERE log_needed = 1", fault) < 0)
		return -1;
	log->marked = false;
	return 0;
}

static int mark_and_copy(struct wal_guard *log, struct database *database, struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;

	if (lock_marking(log, &lock, fault) < 0)
		return -1;
	log->marked = true;
	if (run_sql(database, "UPDATE state SET log_needed = 1", fault) < 0 ||
	    copy_log(database, fault) < 0)
		return -1;
	return unmark(log, database, fault);
}

int guard_wal(struct wal_guard *log, struct database *database, struct fault *fault)
{
	struct stat status;

	if (log->guarded)
		return 0;
	(void)sqlite3_wal_hook(database->handle, count_pages, log);
	if (mark_and_copy(log, database, fault) < 0)
		return -1;
	if (stat(log->path, &status) < 0)
		return set_errno_fault(fault, "%s", log->path);
	log->device = status.st_dev;
	log->inode = status.st_ino;
	log->guarded = true;
	return 0;
}

int check_wal_in_place(struct wal_guard *log, struct database *database, struct fault *fault)
{
	const char *path = sqlite3_db_filename(database->handle, "main");
	struct stat status;
	int moved = 0;
	bool there;

	(void)sqlite3_file_control(database->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
	there = stat(log->path, &status) == 0;
	if (moved == 0 && there && status.st_dev == log->device && status.st_ino == log->inode)
		return 0;
	atomic_store(&database->broken, true);
	log->gone = moved == 0 && !there;
	if (log->gone)
		return set_fault(fault, FAULT_FAILED,
				 "%s: somebody took %s away while it was in use; nothing is issued "
				 "any more: stop the CA in order, which saves what was in it, and "
				 "start it again",
				 path, log->path);
	return set_fault(fault, FAULT_FAILED,
			 "%s: somebody put another file in the place of the CA's record or of its "
			 "log (-wal) while they were in use; nothing is issued any more: stop the "
			 "CA, put both back as they were, and start it again",
			 path);
}

void checkpoint_wal(struct wal_guard *log, struct database *database)
{
	struct fault ignored = {0};

	if (log->pages < log->fold_at)
		return;
	/* log->pages is counted again in the last commit of this: small when all was copied. */
	(void)!mark_and_copy(log, database, &ignored);
	log->fold_at = log->pages + FOLD_PAGES;
}

void release_wal(struct wal_guard *log, struct database *database)
{
	bool sound = !atomic_load(&database->broken) || log->gone;
	CLEANUP(close_descriptor) int lock = -1;
	struct fault ignored = {0};

	/* A copy may have failed half-way. A 1 in the main file and no log would be taken for a
	   loss. */
	if (sound && log->marked)
		sound = lock_marking(log, &lock, &ignored) == 0 &&
			unmark(log, database, &ignored) == 0;
	if (!sound)
		(void)sqlite3_db_config(database->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
					NULL);
	(void)sqlite3_wal_hook(database->handle, NULL, NULL);
}
