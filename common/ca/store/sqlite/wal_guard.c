#include "common/ca/store/sqlite/wal_guard.h"

#include "common/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
	CHECKPOINT_PAGES = 2000, /* 8 MB: some four thousand certificates */
	CHECKPOINT_TIMEOUT_MS = 200,
};

/* Whether the log is there, with its state. */
static int find_wal(const struct wal_guard *guard, struct stat *ret_status, bool *ret_found,
		    struct fault *fault)
{
	*ret_found = stat(guard->path, ret_status) == 0;
	return *ret_found || errno == ENOENT ? 0 : set_errno_fault(fault, "%s", guard->path);
}

/* SQLite makes an empty log when it merely reads the record. */
static int find_wal_content(const struct wal_guard *guard, bool *ret_found, struct fault *fault)
{
	struct stat status;
	bool there;

	if (find_wal(guard, &status, &there, fault) < 0)
		return -1;
	*ret_found = there && status.st_size > 0;
	return 0;
}

int look_for_wal(const char *record, struct wal_guard *ret_guard, struct fault *fault)
{
	struct wal_guard guard = {.checkpoint_at = CHECKPOINT_PAGES};
	int len = snprintf(guard.path, sizeof(guard.path), "%s-wal", record);

	if (len < 0 || (size_t)len >= sizeof(guard.path))
		return set_fault(fault, FAULT_FAILED, "%s: the path is too long", record);
	if (find_wal_content(&guard, &guard.found, fault) < 0)
		return -1;
	*ret_guard = guard;
	return 0;
}

int check_wal_found(struct wal_guard *guard, struct database *database, struct fault *fault)
{
	const char *path = sqlite3_db_filename(database->handle, "main");
	int64_t needed;
	bool found;

	if (query_integer(database, "SELECT log_needed FROM state", &needed, fault) < 0 ||
	    find_wal_content(guard, &found, fault) < 0)
		return -1;
	if (needed == 0)
		return 0;
	/*
	 * Another process may have made the log after look_for_wal, and has not taken back its 1
	 * yet. If it was killed before it could, this process does, or else the log would be
	 * removed with the 1 in the main file.
	 */
	if (guard->found || found) {
		guard->marked = true;
		return 0;
	}
	return set_fault(fault, FAULT_FAILED,
			 "%s: expected %s beside it, found none: the CA was not stopped in order, "
			 "and what it issued last is in that file alone; put it back, or restore a "
			 "backup that was made with sqlite3's .backup",
			 path, guard->path);
}

static int count_pages(void *context, sqlite3 *handle, const char *name, int pages)
{
	struct wal_guard *guard = context;

	(void)handle;
	(void)name;
	guard->pages = pages;
	return SQLITE_OK;
}

/* Copies the log into the main file. A reader of an older snapshot may prevent that for a part of
   it, which is no failure. */
static int run_checkpoint(struct database *database, struct fault *fault)
{
	int code;

	(void)sqlite3_busy_timeout(database->handle, CHECKPOINT_TIMEOUT_MS);
	code = sqlite3_wal_checkpoint_v2(database->handle, "main", SQLITE_CHECKPOINT_FULL, NULL,
					 NULL);
	(void)sqlite3_busy_timeout(database->handle, BUSY_TIMEOUT_MS);
	if (code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY)
		return 0;
	return set_database_fault(database, code, fault);
}

/*
 * Only one process at a time may be between its 1 and its 0: the checkpoint of one must not copy
 * the 0 of another. The lock is on the record's directory.
 */
static int lock_marks(const struct wal_guard *guard, int *ret_lock, struct fault *fault)
{
	const char *slash = strrchr(guard->path, '/');
	char parent[sizeof(guard->path)];

	(void)snprintf(parent, sizeof(parent), "%.*s",
		       slash != NULL ? (int)(slash - guard->path) + 1 : 1,
		       slash != NULL ? guard->path : ".");
	return lock_directory(AT_FDCWD, parent, ret_lock, fault);
}

static int unmark(struct wal_guard *guard, struct database *database, struct fault *fault)
{
	if (run_sql(database, "UPDATE state SET log_needed = 0 WHERE log_needed = 1", fault) < 0)
		return -1;
	guard->marked = false;
	return 0;
}

static int mark_and_checkpoint(struct wal_guard *guard, struct database *database,
			       struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;

	if (lock_marks(guard, &lock, fault) < 0)
		return -1;
	guard->marked = true;
	if (run_sql(database, "UPDATE state SET log_needed = 1", fault) < 0 ||
	    run_checkpoint(database, fault) < 0)
		return -1;
	return unmark(guard, database, fault);
}

int guard_wal(struct wal_guard *guard, struct database *database, struct fault *fault)
{
	struct stat status;

	if (atomic_load(&guard->guarded))
		return 0;
	(void)sqlite3_wal_hook(database->handle, count_pages, guard);
	if (mark_and_checkpoint(guard, database, fault) < 0)
		return -1;
	if (stat(guard->path, &status) < 0)
		return set_errno_fault(fault, "%s", guard->path);
	guard->device = status.st_dev;
	guard->inode = status.st_ino;
	atomic_store(&guard->guarded, true);
	return 0;
}

/* `moved`: another file, or none, has the record's name. */
static int check_names(struct wal_guard *guard, struct database *database, bool moved,
		       struct fault *fault)
{
	const char *path = sqlite3_db_filename(database->handle, "main");
	struct stat status;
	bool there;

	if (find_wal(guard, &status, &there, fault) < 0)
		return -1;
	if (!moved && there && status.st_dev == guard->device && status.st_ino == guard->inode)
		return 0;
	if (!moved && !there)
		atomic_store(&guard->gone, true);
	atomic_store(&database->broken, true);
	if (!moved && !there)
		return set_fault(fault, FAULT_FAILED,
				 "%s: somebody took %s away while it was in use; nothing is issued "
				 "any more: stop the CA in order, which saves what was in it, and "
				 "start it again",
				 path, guard->path);
	return set_fault(fault, FAULT_FAILED,
			 "%s: somebody put another file in the place of the CA's record or of its "
			 "log (-wal) while they were in use; nothing is issued any more: stop the "
			 "CA, put both back as they were, and start it again",
			 path);
}

int check_wal_in_place(struct wal_guard *guard, struct database *database, struct fault *fault)
{
	int moved = 0;

	(void)sqlite3_file_control(database->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
	return check_names(guard, database, moved != 0, fault);
}

int check_wal_before_opening(struct wal_guard *guard, struct database *database,
			     struct fault *fault)
{
	if (!atomic_load(&guard->guarded))
		return 0;
	return check_names(guard, database, false, fault);
}

void checkpoint_wal(struct wal_guard *guard, struct database *database)
{
	struct fault ignored = {0};

	if (guard->pages < guard->checkpoint_at)
		return;
	/* The last commit in it counts the pages again: few when all were copied. */
	(void)!mark_and_checkpoint(guard, database, &ignored);
	guard->checkpoint_at = guard->pages + CHECKPOINT_PAGES;
}

void release_wal(struct wal_guard *guard, struct database *database)
{
	bool sound = !atomic_load(&database->broken) || atomic_load(&guard->gone);
	CLEANUP(close_descriptor) int lock = -1;
	struct fault ignored = {0};

	/* A checkpoint may have failed half-way. A 1 in the main file without a log would be taken
	   for the loss of the log. */
	if (sound && guard->marked)
		sound = lock_marks(guard, &lock, &ignored) == 0 &&
			unmark(guard, database, &ignored) == 0;
	if (!sound)
		(void)sqlite3_db_config(database->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
					NULL);
	(void)sqlite3_wal_hook(database->handle, NULL, NULL);
}
