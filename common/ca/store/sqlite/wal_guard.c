#include "common/ca/store/sqlite/wal_guard.h"

#include "common/base/file.h"
#include "common/base/random.h"
#include "common/base/staging.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CHECKPOINT_PAGES = 2000, /* 8 MB: some four thousand certificates */
	CHECKPOINT_TIMEOUT_MS = 200,
	MARK_TEXT_SIZE = 24, /* 19 digits, line end */
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
	int log_len = snprintf(guard.path, sizeof(guard.path), "%s-wal", record);
	int len = snprintf(guard.marking, sizeof(guard.marking), "%s-marking", record);

	if (log_len < 0 || len < 0 || (size_t)len >= sizeof(guard.marking))
		return set_fault(fault, FAULT_FAILED, "%s: the path is too long", record);
	if (find_wal_content(&guard, &guard.found, fault) < 0)
		return -1;
	*ret_guard = guard;
	return 0;
}

/* Whether ca.db-marking has that mark. A file that cannot be read has none. */
static bool marking_has(const struct wal_guard *guard, int64_t mark)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	struct fault ignored = {0};
	char expected[MARK_TEXT_SIZE];

	(void)snprintf(expected, sizeof(expected), "%" PRId64 "\n", mark);
	return read_file(AT_FDCWD, guard->marking, sizeof(expected), &text, &ignored) == 0 &&
	       equal_bytes(bytes_of_buffer(&text), bytes_of_string(expected));
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
	 * Another process may have made the log after look_for_wal, and has not taken back its mark
	 * yet. If it was killed before it could, this process does, or else the log would be
	 * removed with the mark in the main file.
	 */
	if (guard->found || found || marking_has(guard, needed)) {
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
 * Only one process at a time may be between its mark and its 0: the checkpoint of one must not copy
 * the 0 of another. The lock is on the record's directory, and *ret_directory the directory.
 */
static int lock_marks(const struct wal_guard *guard, int *ret_directory, struct fault *fault)
{
	const char *slash = strrchr(guard->path, '/');
	char parent[sizeof(guard->path)];

	(void)snprintf(parent, sizeof(parent), "%.*s",
		       slash != NULL ? (int)(slash - guard->path) + 1 : 1,
		       slash != NULL ? guard->path : ".");
	return lock_directory(AT_FDCWD, parent, ret_directory, fault);
}

/* The name of ca.db-marking in the record's directory. */
static const char *marking_name(const struct wal_guard *guard)
{
	const char *slash = strrchr(guard->marking, '/');

	return slash != NULL ? slash + 1 : guard->marking;
}

/* ca.db-marking becomes durable before the mark. */
static int mark(struct wal_guard *guard, struct database *database, int directory,
		struct fault *fault)
{
	char text[MARK_TEXT_SIZE];
	char sql[64];
	int64_t number;

	if (fill_random(&number, sizeof(number), fault) < 0)
		return -1;
	number = (number & INT64_MAX) | 1;
	(void)snprintf(text, sizeof(text), "%" PRId64 "\n", number);
	(void)snprintf(sql, sizeof(sql), "UPDATE state SET log_needed = %" PRId64, number);
	if (write_file(directory, marking_name(guard), STAGE_REPLACE, 0600, bytes_of_string(text),
		       fault) < 0)
		return prefix_fault(fault, "%s", guard->marking);
	guard->marked = true;
	return run_sql(database, sql, fault);
}

/* ca.db-marking goes durably after the 0, and before anything else is committed. */
static int unmark(struct wal_guard *guard, struct database *database, int directory,
		  struct fault *fault)
{
	if (run_sql(database, "UPDATE state SET log_needed = 0 WHERE log_needed <> 0", fault) < 0)
		return -1;
	if (unlinkat(directory, marking_name(guard), 0) == 0) {
		if (sync_directory(directory, fault) < 0)
			return prefix_fault(fault, "%s", guard->marking);
	} else if (errno != ENOENT) {
		return set_errno_fault(fault, "%s: cannot be removed", guard->marking);
	}
	guard->marked = false;
	return 0;
}

static int mark_and_checkpoint(struct wal_guard *guard, struct database *database,
			       struct fault *fault)
{
	CLEANUP(close_descriptor) int directory = -1;

	/* First the mark of a killed process is taken back: the file would lose its number. */
	if (lock_marks(guard, &directory, fault) < 0 ||
	    unmark(guard, database, directory, fault) < 0 ||
	    mark(guard, database, directory, fault) < 0 || run_checkpoint(database, fault) < 0)
		return -1;
	return unmark(guard, database, directory, fault);
}

int look_for_marking(const struct wal_guard *guard, bool *ret_marking, struct fault *fault)
{
	int result = access(guard->marking, F_OK);

	if (result < 0 && errno != ENOENT)
		return set_errno_fault(fault, "%s: cannot be reached", guard->marking);
	*ret_marking = result == 0;
	return 0;
}

int finish_marking(struct wal_guard *guard, struct database *database, struct fault *fault)
{
	CLEANUP(close_descriptor) int directory = -1;

	if (lock_marks(guard, &directory, fault) < 0)
		return -1;
	return unmark(guard, database, directory, fault);
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
	struct fault ignored = {0};

	/* A checkpoint may have failed half-way. A mark in the main file without a log would be
	   taken for the loss of the log. */
	if (sound && guard->marked)
		sound = finish_marking(guard, database, &ignored) == 0;
	if (!sound)
		(void)sqlite3_db_config(database->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
					NULL);
	(void)sqlite3_wal_hook(database->handle, NULL, NULL);
}
