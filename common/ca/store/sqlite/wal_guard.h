#ifndef CERTPOOL_CA_STORE_SQLITE_WAL_GUARD_H
#define CERTPOOL_CA_STORE_SQLITE_WAL_GUARD_H

#include "common/ca/store/sqlite/database.h"

#include <sys/types.h>

/*
 * The write-ahead log beside the record (ca.db-wal). What was issued last may be in it alone, so a
 * CA that found it gone and went on would certify the same public keys again. SQLite itself does
 * not notice. What notices is state.log_needed: the main file, taken by itself, says 1 as soon as
 * there may be something that only the log has, while main file and log together say 0:
 *
 *   - guard_wal commits 1, has SQLite copy that into the main file, and then commits 0, which stays
 *     in the log like all that follows;
 *   - whoever closes the file last, be it another program, makes SQLite copy the 0 as well before
 *     it removes the log. After a crash the log gives the 0 back.
 *
 * Reading a 1 from a file that had no log therefore means that the log was taken away.
 */
struct wal_guard {
	char path[4096];
	bool found; /* there was one when the file was opened */
	bool guarded;
	bool marked;  /* what was committed last may be a 1 */
	bool gone;    /* it lost its name while in use; SQLite still has it */
	dev_t device; /* which file it was when guarded */
	ino_t inode;
	int pages;   /* in it, after the last commit */
	int fold_at; /* how many are to be there when it is copied next */
};

/* To be called before SQLite opens the record, which makes a new log. */
int look_for_wal(const char *record, struct wal_guard *ret_log, struct fault *fault) MUST_CHECK;

/* Once it is open: refuses when the log that it had is gone. */
int check_wal_found(struct wal_guard *log, struct database *database,
		    struct fault *fault) MUST_CHECK;

/* Before the first transaction. Copies by SQLite's own decision are off from then on. */
int guard_wal(struct wal_guard *log, struct database *database, struct fault *fault) MUST_CHECK;

/* After a commit: refuses, and breaks the connection, when the record or its log is no longer the
   file that has that name, for then nobody would find what was committed. */
int check_wal_in_place(struct wal_guard *log, struct database *database,
		       struct fault *fault) MUST_CHECK;

/* After a commit: copies the log into the main file when it has become long. What was committed is
   durable either way, so a copy that fails is only tried again later. */
void checkpoint_wal(struct wal_guard *log, struct database *database);

/*
 * Before the connection is closed, which makes SQLite copy the log and remove it. After a failure
 * both are left as they are, but for a log that lost its name: copying it saves what it had.
 */
void release_wal(struct wal_guard *log, struct database *database);

#endif
