#include "common/ca/store/sqlite/sqlite_store.h"

#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Text that a file of noise would have: nothing that SQLite knows. */
static const char noise[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
			    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/* catalogue 35, 79 */
Test(sqlite_store, refuses_what_is_not_a_record)
{
	struct scratch_store scratch;

	make_scratch_store(&scratch);
	(void)unlink(scratch.path);
	expect_store_refused(scratch.path, FAULT_NOT_FOUND, "found none");
	put_file(scratch.folder.dirfd, "ca.db", "", 0600);
	expect_store_refused(scratch.path, FAULT_FAILED, "found an empty file");
	put_file(scratch.folder.dirfd, "ca.db", noise, 0600);
	expect_store_refused(scratch.path, FAULT_FAILED, "found something else");
	(void)unlink(scratch.path);
	cr_assert_eq(mkdir(scratch.path, 0700), 0);
	expect_store_refused(scratch.path, FAULT_FAILED, "no regular file");
	cr_assert_eq(rmdir(scratch.path), 0);
	cr_assert_eq(symlink("elsewhere.db", scratch.path), 0);
	expect_store_refused(scratch.path, FAULT_FAILED, "no regular file");
	(void)unlink(scratch.path);
	cr_assert_eq(mkfifo(scratch.path, 0600), 0);
	expect_store_refused(scratch.path, FAULT_FAILED, "no regular file");
	(void)unlink(scratch.path);
	run_foreign_sql(scratch.path, "CREATE TABLE recipes (cake TEXT)");
	expect_store_refused(scratch.path, FAULT_FAILED, "a database of something else");
	remove_scratch_store(&scratch);
}

/* catalogue 79 */
Test(sqlite_store, refuses_a_truncated_record)
{
	struct scratch_store scratch;
	struct stat status;

	make_scratch_store(&scratch);
	fill_scratch_store(&scratch, 200);
	cr_assert_eq(stat(scratch.path, &status), 0);
	cr_assert_eq(truncate(scratch.path, status.st_size - 1), 0);
	expect_store_refused(scratch.path, FAULT_FAILED, "the CA's record is damaged");
	cr_assert_eq(truncate(scratch.path, status.st_size / 8192 * 4096), 0);
	expect_store_refused(scratch.path, FAULT_FAILED, "the CA's record is damaged");
	cr_assert_eq(truncate(scratch.path, 4096), 0);
	expect_store_refused(scratch.path, FAULT_FAILED, "the CA's record is damaged");
	cr_assert_eq(truncate(scratch.path, 100), 0);
	expect_store_refused(scratch.path, FAULT_FAILED, "the CA's record is damaged");
	remove_scratch_store(&scratch);
}

static void overwrite(const char *path, long from, long to)
{
	FILE *file = fopen(path, "r+");

	cr_assert_not_null(file);
	cr_assert_eq(fseek(file, from, SEEK_SET), 0);
	for (long i = from; i < to; i++)
		cr_assert_neq(fputc(noise[i % 64], file), EOF);
	cr_assert_eq(fclose(file), 0);
}

/* catalogue 79 */
Test(sqlite_store, says_that_pages_are_damaged_when_it_comes_to_them)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	enum insert_result result;
	struct scratch_store scratch;
	struct store *store;
	struct stat status;
	struct fault fault = {0};
	struct fault later = {0};

	make_scratch_store(&scratch);
	fill_scratch_store(&scratch, 200);
	cr_assert_eq(stat(scratch.path, &status), 0);
	/* Behind the header and the schema, which are looked at when the record is opened. */
	overwrite(scratch.path, 4096, status.st_size);
	make_record(&record, "client1", 1000);
	if (open_store(scratch.path, &store, &fault) == 0) {
		cr_expect_eq(store_records(store, &record, 1, 1000, &result, &fault), -1);
		/* Once damaged, nothing more is said of it or written to it. */
		cr_expect_eq(store_records(store, &record, 1, 1000, &result, &later), -1);
		cr_expect_not_null(strstr(later.text, "failed before"), "%s", later.text);
		cr_expect_eq(check_store(store, &later), -1);
		free_store(&store);
	}
	cr_expect_eq(fault.class, FAULT_FAILED);
	cr_expect_not_null(strstr(fault.text, "ca.db: the CA's record is damaged"), "%s",
			   fault.text);
	remove_scratch_store(&scratch);
}

/* catalogue 79 */
Test(sqlite_store, refuses_a_record_that_cannot_be_written)
{
	static const struct {
		mode_t directory;
		mode_t file;
	} rows[] = {{0755, 0444}, {0555, 0644}, {0555, 0444}};
	struct scratch_store scratch;
	struct store *store = NULL;

	if (geteuid() != 0)
		cr_skip("skipped: only root can become a user who may not write");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		make_scratch_store(&scratch);
		cr_assert_eq(chmod(scratch.path, rows[i].file), 0);
		cr_assert_eq(chown(scratch.path, 65534, 65534), 0);
		cr_assert_eq(chmod(scratch.folder.path, rows[i].directory), 0);
		cr_assert_eq(chown(scratch.folder.path, 65534, 65534), 0);
		cr_assert_eq(seteuid(65534), 0);
		REFUSED(open_store(scratch.path, &store, &fault), FAULT_FAILED,
			"mend its permissions", "row %zu", i);
		cr_assert_eq(seteuid(0), 0);
		remove_scratch_store(&scratch);
	}
}

Test(sqlite_store, makes_an_empty_record_that_others_cannot_read)
{
	struct store_summary summary = {.certificates = 7};
	struct scratch_store scratch;
	struct store *store;
	size_t count = 7;

	make_scratch_store(&scratch);
	cr_expect_eq(mode_of(scratch.folder.dirfd, "ca.db"), 0600);
	cr_expect_eq(count_entries(scratch.folder.dirfd), 1);
	store = open_scratch_store(&scratch);
	OK(summarize_store(store, 0, &summary, &fault));
	cr_expect_eq(summary.certificates, 0);
	cr_expect_eq(summary.first_expiry_s, 0);
	OK(count_of(store, "client1", &count, &fault));
	cr_expect_eq(count, 0);
	OK(check_store(store, &fault));
	free_store(&store);
	expect_integrity(scratch.path);
	remove_scratch_store(&scratch);
}

Test(sqlite_store, leaves_an_existing_file_as_it_is)
{
	struct scratch_store scratch;

	make_scratch_store(&scratch);
	put_file(scratch.folder.dirfd, "ca.db", noise, 0640);
	OK(create_store(scratch.path, &fault));
	cr_expect(file_holds(scratch.folder.dirfd, "ca.db", noise));
	cr_expect_eq(mode_of(scratch.folder.dirfd, "ca.db"), 0640);
	remove_scratch_store(&scratch);
}

Test(sqlite_store, says_why_no_record_can_be_made)
{
	REFUSED(create_store("/nonexistent/state/ca.db", &fault), FAULT_NOT_FOUND,
		"/nonexistent/state");
}

Test(sqlite_store, measures_the_room_that_removed_rows_have_left)
{
	enum { ROWS = 200 };
	struct scratch_store scratch;
	struct store *store;
	uint64_t octets = 1;

	make_scratch_store(&scratch);
	fill_scratch_store(&scratch, ROWS);
	store = open_scratch_store(&scratch);
	OK(measure_reusable(store, &octets, &fault));
	cr_expect_eq(octets, 0);
	free_store(&store);
	run_foreign_sql(scratch.path, "DELETE FROM certificate");
	store = open_scratch_store(&scratch);
	OK(measure_reusable(store, &octets, &fault));
	cr_expect_geq(octets, ROWS * DER_LEN);
	cr_expect_leq(octets, 3 * ROWS * DER_LEN);
	/* What is written goes there. */
	insert_many(store, "client1", ROWS);
	OK(measure_reusable(store, &octets, &fault));
	cr_expect_lt(octets, ROWS * DER_LEN);
	free_store(&store);
	remove_scratch_store(&scratch);
}
