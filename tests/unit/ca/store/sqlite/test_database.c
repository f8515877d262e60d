#include "common/ca/store/sqlite/database.h"

#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

/*
 * A disk that fails: SQLite's own VFS, of which one kind of call goes wrong while `failing` says
 * so. Files are opened by the real one; only the table of their functions is another.
 */
enum failing { NOTHING, WRITES, SYNCS, READS };

static enum failing failing;
static const sqlite3_io_methods *real_methods;
static sqlite3_io_methods methods;
static sqlite3_vfs *real_vfs;

static int failing_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 offset)
{
	return failing == WRITES ? SQLITE_IOERR_WRITE
				 : real_methods->xWrite(file, data, len, offset);
}

static int failing_sync(sqlite3_file *file, int flags)
{
	return failing == SYNCS ? SQLITE_IOERR_FSYNC : real_methods->xSync(file, flags);
}

static int failing_read(sqlite3_file *file, void *data, int len, sqlite3_int64 offset)
{
	return failing == READS ? SQLITE_IOERR_READ : real_methods->xRead(file, data, len, offset);
}

static int open_failing(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
			int *ret_flags)
{
	int code = real_vfs->xOpen(real_vfs, name, file, flags, ret_flags);

	(void)vfs;
	/* Only the log gets these functions: SQLite takes no locks on it. */
	if (code != SQLITE_OK || (flags & SQLITE_OPEN_WAL) == 0)
		return code;
	real_methods = file->pMethods;
	methods = *real_methods;
	methods.xWrite = failing_write;
	methods.xSync = failing_sync;
	methods.xRead = failing_read;
	file->pMethods = &methods;
	return code;
}

static void use_failing_disk(void)
{
	static sqlite3_vfs vfs;

	if (real_vfs == NULL)
		real_vfs = sqlite3_vfs_find(NULL);
	vfs = *real_vfs;
	vfs.zName = "failing";
	vfs.xOpen = open_failing;
	cr_assert_eq(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
}

static int try_insert(struct store *store, uint32_t number, struct fault *fault)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	enum insert_result result;

	make_record(&record, "client1", number);
	return store_records(store, &record, 1, 1000, &result, fault);
}

/* catalogue 72, 80: no write is tried again after a failure. */
Test(database, stops_for_good_when_the_disk_fails)
{
	static const enum failing kinds[] = {WRITES, SYNCS};

	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		struct scratch_store scratch;
		struct store *store;

		failing = NOTHING;
		use_failing_disk();
		make_scratch_store(&scratch);
		store = open_scratch_store(&scratch);
		insert_one(store, "client1", 0);
		failing = kinds[i];
		REFUSED(try_insert(store, 1, &fault), FAULT_FAILED, "ca.db: the disk failed");
		failing = NOTHING;
		REFUSED(try_insert(store, 2, &fault), FAULT_FAILED, "failed before");
		REFUSED(check_store(store, &fault), FAULT_FAILED, NULL);
		free_store(&store);
		store = open_scratch_store(&scratch);
		cr_expect(has_record(store, "client1", 0));
		insert_one(store, "client1", 3);
		free_store(&store);
		expect_integrity(scratch.path);
		remove_scratch_store(&scratch);
	}
}

/* catalogue 72 */
Test(database, does_not_take_what_cannot_be_read_for_absent)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	struct scratch_store scratch;
	struct store *store;
	bool found = false;

	use_failing_disk();
	make_scratch_store(&scratch);
	store = open_scratch_store(&scratch);
	insert_one(store, "client1", 0);
	make_record(&record, "client1", 0);
	failing = READS;
	REFUSED(find_by_serial(store, record.serial, &record, &found, &fault), FAULT_FAILED,
		"the disk failed");
	failing = NOTHING;
	free_store(&store);
	remove_scratch_store(&scratch);
}

/* catalogue 71 */
Test(database, issues_nothing_on_a_full_disk_and_goes_on_when_there_is_room)
{
	struct scratch scratch;
	struct fault fault = {0};
	struct store *store = NULL;
	char path[300];
	uint32_t stored = 0;

	make_scratch(&scratch);
	if (mount("tmpfs", scratch.path, "tmpfs", 0, "size=512k") < 0) {
		remove_scratch(&scratch);
		cr_skip("skipped: only root can mount a small file system");
	}
	(void)snprintf(path, sizeof(path), "%s/ca.db", scratch.path);
	cr_assert_eq(create_store(path, &fault), 0, "%s", fault.text);
	cr_assert_eq(open_store(path, &store, &fault), 0, "%s", fault.text);
	while (try_insert(store, stored, &fault) == 0)
		stored++;
	cr_expect_gt(stored, 5);
	cr_expect_eq(fault.class, FAULT_FAILED);
	cr_expect_not_null(strstr(fault.text, "ca.db: the disk is full"), "%s", fault.text);
	cr_assert_eq(mount("tmpfs", scratch.path, "tmpfs", MS_REMOUNT, "size=4m"), 0);
	fault = (struct fault){0};
	cr_expect_eq(try_insert(store, stored, &fault), 0, "%s", fault.text);
	for (uint32_t i = 0; i <= stored; i++)
		cr_assert(has_record(store, "client1", i), "record %u of %u", i, stored);
	free_store(&store);
	expect_integrity(path);
	(void)umount2(scratch.path, MNT_DETACH);
	remove_scratch(&scratch);
}

/* catalogue 79 */
Test(database, says_that_another_process_is_writing)
{
	struct scratch_store scratch;
	struct database database = {0};
	struct database other = {0};

	make_scratch_store(&scratch);
	OK(open_database(scratch.path, &database, &fault));
	OK(open_database(scratch.path, &other, &fault));
	OK(run_sql(&other, "BEGIN IMMEDIATE", &fault));
	(void)sqlite3_busy_timeout(database.handle, 1);
	REFUSED(run_sql(&database, "BEGIN IMMEDIATE", &fault), FAULT_FAILED,
		"another process is writing");
	cr_expect_not(atomic_load(&database.broken));
	close_database(&database);
	close_database(&other);
	remove_scratch_store(&scratch);
}

Test(database, says_what_a_pragma_became_instead)
{
	struct database database = {0};

	OK(open_database(":memory:", &database, &fault));
	REFUSED(set_pragma(&database, "PRAGMA journal_mode = WAL", "wal", &fault), FAULT_FAILED,
		"expected \"wal\", found \"memory\"");
	close_database(&database);
}
