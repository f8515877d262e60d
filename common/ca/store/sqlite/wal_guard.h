#ifndef CERTPOOL_CA_STORE_SQLITE_WAL_GUARD_H
#define CERTPOOL_CA_STORE_SQLITE_WAL_GUARD_H

#include "common/ca/store/sqlite/database.h"

#include <stdatomic.h>
#include <sys/types.h>

/*
 * A guard against the loss of the write-ahead log (ca.db-wal) beside the record. The certificates
 * issued last may be in the log alone: a CA that went on without it would certify the same public
 * keys again. SQLite itself does not notice that a log is missing. state.log_needed shows it: in
 * the main file alone it is a number, the mark, as long as there may be changes that only the log
 * has, while in main file and log together it is 0:
 *
 *   - guard_wal commits a mark, has SQLite copy that into the main file, and then commits 0, which
 *     stays in the log like every later change;
 *   - when the last process closes the file, be it another program, SQLite copies the 0, too,
 *     before it removes the log. After a crash the log still has the 0.
 *
 * A mark in a file that had no log therefore means that the log was taken away, with one exception:
 * a process that is killed between its mark and its 0 leaves a log whose last commit is the mark.
 * Another program that opens and closes the record copies all of that log, and removes it. So each
 * mark is another random number, and the file ca.db-marking has that number from before the mark
 * is committed until the 0 is. Whoever begins to write and finds that file commits the 0 first
 * (finish_marking): as long as it is there, the log has nothing after the mark but the 0. The mark
 * of the file in the record therefore means that the main file has all there was.
 */
struct wal_guard {
	char path[4096];
	char marking[4096];  /* the path of ca.db-marking */
	bool found;          /* there was a log when the file was opened */
	bool marked;         /* the last commit may have left a mark */
	atomic_bool guarded; /* from then on device and inode do not change */
	atomic_bool gone;    /* the log lost its name while in use; SQLite still has it open */
	dev_t device;        /* of the log when guarded */
	ino_t inode;
	int pages;         /* in the log after the last commit */
	int checkpoint_at; /* pages at which the next checkpoint is due */
};

/* To be called before SQLite opens the record, which makes a new log. */
int look_for_wal(const char *record, struct wal_guard *ret_guard, struct fault *fault) MUST_CHECK;

/* Once the record is open: refuses when the log that it had is gone. */
int check_wal_found(struct wal_guard *guard, struct database *database,
		    struct fault *fault) MUST_CHECK;

/* Before the first transaction. SQLite's automatic checkpoints are off from then on. */
int guard_wal(struct wal_guard *guard, struct database *database, struct fault *fault) MUST_CHECK;

/*
 * Within a transaction that excludes other writers: whether a process is between its mark and its
 * 0, or was killed there. Nothing may be committed then before finish_marking, which is called
 * outside of a transaction, waits for the other process, and commits the 0 in its place if it was
 * killed.
 */
int look_for_marking(const struct wal_guard *guard, bool *ret_marking,
		     struct fault *fault) MUST_CHECK;
int finish_marking(struct wal_guard *guard, struct database *database,
		   struct fault *fault) MUST_CHECK;

/* After a commit: refuses, and marks the connection broken, when another file, or none, has the
   name of the record or of its log: the commit would be lost. */
int check_wal_in_place(struct wal_guard *guard, struct database *database,
		       struct fault *fault) MUST_CHECK;

/*
 * From any thread, before another connection to the record is opened: looks at the log's name
 * alone. SQLite would make another log for the new connection, and save that one at the end instead
 * of the first.
 */
int check_wal_before_opening(struct wal_guard *guard, struct database *database,
			     struct fault *fault) MUST_CHECK;

/* After a commit: runs a checkpoint when the log has become long. The commit is durable either way,
   so that a checkpoint that fails is just tried again later. */
void checkpoint_wal(struct wal_guard *guard, struct database *database);

/*
 * Before the connection is closed, which makes SQLite run a checkpoint and remove the log. After a
 * failure record and log are left unchanged, except for a log that lost its name: the checkpoint
 * saves its content.
 */
void release_wal(struct wal_guard *guard, struct database *database);

#endif
