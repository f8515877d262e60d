#include "common/ca/store/sqlite/wal_guard.h"

#include "common/base/file.h"
#include "common/ca/store/statement.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process of its own that inserts `count` records and dies without closing anything. */
static void insert_and_die(const struct scratch_store *scratch, uint32_t first, uint32_t count)
{
	pid_t child = fork();
	int status = 0;

	cr_assert_geq(child, 0);
	if (child == 0) {
		struct store *store = NULL;

		if (open_store(scratch->path, &store, NULL) < 0)
			_exit(1);
		for (uint32_t i = 0; i < count; i++)
			insert_one(store, "client1", first + i);
		(void)raise(SIGKILL);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %d", status);
}

static void expect_all(const struct scratch_store *scratch, uint32_t count)
{
	struct store *store = open_scratch_store(scratch);

	for (uint32_t i = 0; i < count; i++)
		cr_expect(has_record(store, "client1", i), "record %u", i);
	free_store(&store);
	expect_integrity(scratch->path);
}

/* catalogue 76, 79 */
Test(wal_guard, gives_back_what_it_alone_has)
{
	struct scratch_store scratch;

	make_scratch_store(&scratch);
	insert_and_die(&scratch, 0, 5);
	cr_expect_eq(access(scratch.log, F_OK), 0);
	insert_and_die(&scratch, 5, 5);
	expect_all(&scratch, 10);
	remove_scratch_store(&scratch);
}

static void expect_log_missing(const struct scratch_store *scratch)
{
	struct store *store = NULL;

	REFUSED(open_store(scratch->path, &store, &fault), FAULT_FAILED,
		"ca.db-wal beside it, found none");
}

/* catalogue 79 */
Test(wal_guard, refuses_a_record_whose_log_was_deleted)
{
	struct scratch_store scratch;

	make_scratch_store(&scratch);
	insert_and_die(&scratch, 0, 5);
	cr_assert_eq(unlink(scratch.log), 0);
	expect_log_missing(&scratch);
	expect_log_missing(&scratch);
	remove_scratch_store(&scratch);
}

/* Another process, as far as SQLite's locks are concerned, which begins to write. */
struct writer {
	const struct scratch_store *scratch;
	atomic_bool done;
};

static void *begin_to_write(void *context)
{
	struct writer *writer = context;
	struct store *store = open_scratch_store(writer->scratch);

	insert_one(store, "client1", 1);
	atomic_store(&writer->done, true);
	free_store(&store);
	return NULL;
}

/* Processes that mark the record at the same moment could take back each other's mark. */
Test(wal_guard, is_marked_by_one_process_at_a_time)
{
	struct scratch_store scratch;
	struct writer writer = {.scratch = &scratch};
	pthread_t thread;
	int lock = -1;

	make_scratch_store(&scratch);
	OK(lock_directory(AT_FDCWD, scratch.folder.path, &lock, &fault));
	cr_assert_eq(pthread_create(&thread, NULL, begin_to_write, &writer), 0);
	(void)usleep(200000);
	cr_expect(!atomic_load(&writer.done), "while another marks it");
	close_descriptor(&lock);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	cr_expect(atomic_load(&writer.done));
	remove_scratch_store(&scratch);
}

/* The record and its log as they are when a process is killed right after it copied the mark. */
static void leave_marked(const struct scratch_store *from, const struct scratch_store *to)
{
	sqlite3 *handle = NULL;

	cr_assert_eq(sqlite3_open(from->path, &handle), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(handle,
				  "PRAGMA journal_mode = WAL; UPDATE state SET log_needed = 1;"
				  "PRAGMA wal_checkpoint(FULL)",
				  NULL, NULL, NULL),
		     SQLITE_OK);
	copy_file(from->path, to->path);
	copy_file(from->log, to->log);
	cr_assert_eq(sqlite3_close(handle), SQLITE_OK);
}

Test(wal_guard, is_not_missed_when_who_marked_it_was_killed_and_others_only_looked)
{
	struct scratch_store scratch;
	struct scratch_store other;

	make_scratch_store(&scratch);
	make_scratch_store(&other);
	fill_scratch_store(&scratch, 3);
	leave_marked(&scratch, &other);
	for (int looks = 0; looks < 3; looks++)
		expect_all(&other, 3);
	remove_scratch_store(&scratch);
	remove_scratch_store(&other);
}

static void expect_no_marking(const struct scratch_store *scratch)
{
	cr_expect_neq(faccessat(scratch->folder.dirfd, "ca.db-marking", F_OK, 0), 0);
}

/*
 * catalogue 76, 79: who marks it is killed before the 0; another program then closes the record,
 * which copies all of the log and removes it.
 */
Test(wal_guard, is_not_missed_when_who_marked_it_was_killed_and_another_program_closed_it)
{
	struct scratch_store scratch;

	make_scratch_store(&scratch);
	fill_scratch_store(&scratch, 3);
	put_file(scratch.folder.dirfd, "ca.db-marking", "77\n", 0600);
	run_foreign_sql(scratch.path, "UPDATE state SET log_needed = 77");
	cr_expect_neq(access(scratch.log, F_OK), 0);
	expect_all(&scratch, 3);
	expect_no_marking(&scratch);
	expect_all(&scratch, 3);
	remove_scratch_store(&scratch);
}

/* catalogue 79: the record has the mark of an earlier time. */
Test(wal_guard, refuses_a_record_whose_log_was_deleted_while_the_next_mark_was_made)
{
	struct scratch_store scratch;

	make_scratch_store(&scratch);
	insert_and_die(&scratch, 0, 5);
	put_file(scratch.folder.dirfd, "ca.db-marking", "77\n", 0600);
	cr_assert_eq(unlink(scratch.log), 0);
	expect_log_missing(&scratch);
	remove_scratch_store(&scratch);
}

/* Another process, which is killed before or after its 0, while this one has the record open. */
static void mark_and_die(const struct scratch_store *scratch, bool unmark)
{
	sqlite3 *handle = NULL;

	put_file(scratch->folder.dirfd, "ca.db-marking", "77\n", 0600);
	cr_assert_eq(sqlite3_open(scratch->path, &handle), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(handle,
				  "UPDATE state SET log_needed = 77; PRAGMA wal_checkpoint(FULL)",
				  NULL, NULL, NULL),
		     SQLITE_OK);
	if (unmark)
		cr_assert_eq(
			sqlite3_exec(handle, "UPDATE state SET log_needed = 0", NULL, NULL, NULL),
			SQLITE_OK);
	cr_assert_eq(sqlite3_close(handle), SQLITE_OK);
}

/* catalogue 79 */
Test(wal_guard, is_still_missed_after_others_wrote_what_it_alone_has)
{
	for (int unmark = 0; unmark <= 1; unmark++) {
		struct scratch_store scratch;
		struct scratch_store other;
		struct store *store;

		make_scratch_store(&scratch);
		make_scratch_store(&other);
		store = open_scratch_store(&scratch);
		insert_one(store, "client1", 0);
		mark_and_die(&scratch, unmark != 0);
		insert_one(store, "client1", 1);
		expect_no_marking(&scratch);
		copy_file(scratch.path, other.path);
		expect_log_missing(&other);
		free_store(&store);
		expect_all(&scratch, 2);
		remove_scratch_store(&scratch);
		remove_scratch_store(&other);
	}
}

/* catalogue 79 */
Test(wal_guard, refuses_a_record_whose_log_was_emptied)
{
	struct scratch_store scratch;

	make_scratch_store(&scratch);
	insert_and_die(&scratch, 0, 5);
	cr_assert_eq(truncate(scratch.log, 0), 0);
	expect_log_missing(&scratch);
	remove_scratch_store(&scratch);
}

/* catalogue 79: the copy lacks what the log had. */
Test(wal_guard, refuses_a_copy_of_the_record_alone_while_it_is_in_use)
{
	struct scratch_store scratch;
	struct scratch_store other;
	struct store *store;

	make_scratch_store(&scratch);
	make_scratch_store(&other);
	store = open_scratch_store(&scratch);
	insert_one(store, "client1", 0);
	copy_file(scratch.path, other.path);
	expect_log_missing(&other);
	copy_file(scratch.log, other.log);
	expect_all(&other, 1);
	free_store(&store);
	remove_scratch_store(&scratch);
	remove_scratch_store(&other);
}

Test(wal_guard, is_not_missed_after_another_program_ran_a_checkpoint)
{
	struct scratch_store scratch;

	make_scratch_store(&scratch);
	insert_and_die(&scratch, 0, 5);
	run_foreign_sql(scratch.path, "SELECT COUNT(*) FROM certificate");
	cr_expect_neq(access(scratch.log, F_OK), 0, "SQLite removes it when it has copied all");
	expect_all(&scratch, 5);
	remove_scratch_store(&scratch);
}

Test(wal_guard, is_not_missed_after_looking_only)
{
	struct scratch_store scratch;
	struct store *store;

	make_scratch_store(&scratch);
	store = open_scratch_store(&scratch);
	free_store(&store);
	expect_all(&scratch, 0);
	remove_scratch_store(&scratch);
}

/* catalogue 79 */
Test(wal_guard, stops_the_store_when_it_is_taken_away_in_use)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	enum insert_result result;
	struct scratch_store scratch;
	struct store *store;
	bool found = false;

	make_scratch_store(&scratch);
	store = open_scratch_store(&scratch);
	insert_one(store, "client1", 0);
	cr_assert_eq(unlink(scratch.log), 0);
	make_record(&record, "client1", 1);
	REFUSED(store_records(store, &record, 1, 10, &result, &fault), FAULT_FAILED, "took ");
	SAID("stop the CA in order");
	/* The lost commit must not be read later either. */
	REFUSED(find_by_key(store, record.key_sha256, &record, &found, &fault), FAULT_FAILED,
		"failed before");
	free_store(&store);
	/* As long as the process is there, nothing is lost. */
	expect_all(&scratch, 2);
	remove_scratch_store(&scratch);
}

/* catalogue 79: a scan opens a connection of its own, for which SQLite would make another log. */
Test(wal_guard, is_not_made_again_by_a_scan_after_it_was_taken_away)
{
	CLEANUP(end_transaction) struct transaction scan = {0};
	struct scratch_store scratch;
	struct store *store;

	make_scratch_store(&scratch);
	store = open_scratch_store(&scratch);
	insert_one(store, "client1", 0);
	cr_assert_eq(unlink(scratch.log), 0);
	REFUSED(begin_transaction(store, TRANSACTION_SCAN, &scan, &fault), FAULT_FAILED,
		"stop the CA in order, which saves what was in it");
	cr_expect_neq(access(scratch.log, F_OK), 0);
	free_store(&store);
	expect_all(&scratch, 1);
	remove_scratch_store(&scratch);
}

/* catalogue 79 */
Test(wal_guard, stops_the_store_when_the_record_is_replaced_in_use)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	enum insert_result result;
	struct scratch_store scratch;
	struct store *store;

	make_scratch_store(&scratch);
	store = open_scratch_store(&scratch);
	insert_one(store, "client1", 0);
	cr_assert_eq(unlink(scratch.path), 0);
	OK(create_store(scratch.path, &fault));
	cr_assert_eq(unlink(scratch.log), 0);
	put_file(scratch.folder.dirfd, "ca.db-wal", "of the other", 0600);
	make_record(&record, "client1", 1);
	REFUSED(store_records(store, &record, 1, 10, &result, &fault), FAULT_FAILED,
		"put another file in the place");
	free_store(&store);
	cr_expect(file_holds(scratch.folder.dirfd, "ca.db-wal", "of the other"));
	remove_scratch_store(&scratch);
}

/* catalogue 71: the disk was full between the mark and its removal. */
Test(wal_guard, is_not_missed_after_marking_it_failed_half_way)
{
	struct scratch_store scratch;
	struct database database = {0};
	struct wal_guard guard;

	make_scratch_store(&scratch);
	fill_scratch_store(&scratch, 3);
	OK(look_for_wal(scratch.path, &guard, &fault));
	OK(open_database(scratch.path, &database, &fault));
	OK(guard_wal(&guard, &database, &fault));
	OK(run_sql(&database, "UPDATE state SET log_needed = 1", &fault));
	guard.marked = true;
	release_wal(&guard, &database);
	close_database(&database);
	expect_all(&scratch, 3);
	remove_scratch_store(&scratch);
}

enum { BATCH = 500, BATCHES = 24 };

static void insert_batch(struct store *store, uint32_t first)
{
	struct issued_certificate *records = calloc(BATCH, sizeof(*records));
	enum insert_result results[BATCH];

	cr_assert_not_null(records);
	for (uint32_t i = 0; i < BATCH; i++)
		make_record(&records[i], "client1", first + i);
	OK(store_records(store, records, BATCH, 1000000, results, &fault));
	for (size_t i = 0; i < BATCH; i++)
		clear_issued_certificate(&records[i]);
	free(records);
}

Test(wal_guard, runs_checkpoints_before_the_log_grows_without_end)
{
	const off_t most = 24 * 1024 * 1024;
	struct scratch_store scratch;
	struct scratch_store other;
	struct store *store;
	struct stat status;

	make_scratch_store(&scratch);
	make_scratch_store(&other);
	store = open_scratch_store(&scratch);
	for (uint32_t i = 0; i < BATCHES; i++)
		insert_batch(store, i * BATCH);
	cr_assert_eq(stat(scratch.path, &status), 0);
	cr_expect_gt(status.st_size, 1024 * 1024, "most of it is in the main file by now");
	cr_assert_eq(stat(scratch.log, &status), 0);
	cr_expect_lt(status.st_size, most);
	/* The main file alone is not enough after checkpoints either. */
	copy_file(scratch.path, other.path);
	expect_log_missing(&other);
	free_store(&store);
	expect_all(&scratch, BATCH);
	remove_scratch_store(&scratch);
	remove_scratch_store(&other);
}

/* The child writes the number of each durable certificate to the pipe, and is killed at any moment.
 */
static void insert_and_report(const struct scratch_store *scratch, uint32_t first, int pipe_end)
{
	struct store *store = NULL;

	if (open_store(scratch->path, &store, NULL) < 0)
		_exit(1);
	for (uint32_t i = first;; i++) {
		insert_one(store, "client1", i);
		if (write(pipe_end, &i, sizeof(i)) != (ssize_t)sizeof(i))
			_exit(1);
	}
}

/* Returns the number after the last that the child reported. */
static uint32_t run_until_killed(const struct scratch_store *scratch, uint32_t first,
				 uint32_t reports)
{
	int ends[2];
	uint32_t next = first;
	uint32_t number;
	int status;
	pid_t child;

	cr_assert_eq(pipe(ends), 0);
	child = fork();
	cr_assert_geq(child, 0);
	if (child == 0) {
		(void)close(ends[0]);
		insert_and_report(scratch, first, ends[1]);
	}
	(void)close(ends[1]);
	while (read(ends[0], &number, sizeof(number)) == (ssize_t)sizeof(number)) {
		cr_assert_eq(number, next);
		next = number + 1;
		if (next == first + reports)
			cr_assert_eq(kill(child, SIGKILL), 0);
	}
	(void)close(ends[0]);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFSIGNALED(status));
	return next;
}

/* catalogue 76, 78 */
Test(wal_guard, loses_nothing_durable_when_the_process_is_killed)
{
	struct scratch_store scratch;
	uint32_t next = 0;
	struct store *store;
	size_t count = 0;

	make_scratch_store(&scratch);
	for (uint32_t round = 0; round < 8; round++) {
		next = run_until_killed(&scratch, next, 3 + 7 * round);
		store = open_scratch_store(&scratch);
		for (uint32_t i = 0; i < next; i++)
			cr_assert(has_record(store, "client1", i), "record %u", i);
		/* One more may be there, which the child could not report. */
		OK(count_of(store, "client1", &count, &fault));
		cr_assert(count == next || count == next + 1, "%zu, reported %u", count, next);
		next = (uint32_t)count;
		free_store(&store);
	}
	expect_integrity(scratch.path);
	remove_scratch_store(&scratch);
}
