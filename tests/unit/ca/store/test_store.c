#include "common/ca/store/store.h"

#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Text that a file of noise would have: nothing that SQLite knows. */
static const char noise[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
			    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/* catalogue 35, 79 */
Test(store, refuses_what_is_not_a_record)
{
	struct store_place place;

	make_store_place(&place);
	(void)unlink(place.path);
	expect_store_refused(place.path, FAULT_NOT_FOUND, "found none");
	put_file(place.scratch.dirfd, "ca.db", "", 0600);
	expect_store_refused(place.path, FAULT_FAILED, "found an empty file");
	put_file(place.scratch.dirfd, "ca.db", noise, 0600);
	expect_store_refused(place.path, FAULT_FAILED, "found something else");
	(void)unlink(place.path);
	cr_assert_eq(mkdir(place.path, 0700), 0);
	expect_store_refused(place.path, FAULT_FAILED, "no regular file");
	cr_assert_eq(rmdir(place.path), 0);
	cr_assert_eq(symlink("elsewhere.db", place.path), 0);
	expect_store_refused(place.path, FAULT_FAILED, "no regular file");
	(void)unlink(place.path);
	cr_assert_eq(mkfifo(place.path, 0600), 0);
	expect_store_refused(place.path, FAULT_FAILED, "no regular file");
	(void)unlink(place.path);
	run_foreign_sql(place.path, "CREATE TABLE recipes (cake TEXT)");
	expect_store_refused(place.path, FAULT_FAILED, "a database of something else");
	remove_store_place(&place);
}

/* catalogue 79 */
Test(store, refuses_a_truncated_record)
{
	struct store_place place;
	struct stat status;

	make_store_place(&place);
	fill_place(&place, 200);
	cr_assert_eq(stat(place.path, &status), 0);
	cr_assert_eq(truncate(place.path, status.st_size - 1), 0);
	expect_store_refused(place.path, FAULT_FAILED, "the CA's record is damaged");
	cr_assert_eq(truncate(place.path, status.st_size / 8192 * 4096), 0);
	expect_store_refused(place.path, FAULT_FAILED, "the CA's record is damaged");
	cr_assert_eq(truncate(place.path, 4096), 0);
	expect_store_refused(place.path, FAULT_FAILED, "the CA's record is damaged");
	cr_assert_eq(truncate(place.path, 100), 0);
	expect_store_refused(place.path, FAULT_FAILED, "the CA's record is damaged");
	remove_store_place(&place);
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
Test(store, says_that_pages_are_damaged_when_it_comes_to_them)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	enum insert_result result;
	struct store_place place;
	struct store *store;
	struct stat status;
	struct fault fault = {0};
	struct fault later = {0};

	make_store_place(&place);
	fill_place(&place, 200);
	cr_assert_eq(stat(place.path, &status), 0);
	/* Behind the header and the schema, which are looked at when the record is opened. */
	overwrite(place.path, 4096, status.st_size);
	make_record(&record, "client1", 1000);
	if (open_store(place.path, &store, &fault) == 0) {
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
	remove_store_place(&place);
}

/* catalogue 79 */
Test(store, refuses_a_record_that_cannot_be_written)
{
	static const struct {
		mode_t directory;
		mode_t file;
	} rows[] = {{0755, 0444}, {0555, 0644}, {0555, 0444}};
	struct store_place place;
	struct fault fault = {0};
	struct store *store = NULL;

	if (geteuid() != 0)
		cr_skip("skipped: only root can become somebody who may not write");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		make_store_place(&place);
		cr_assert_eq(chmod(place.path, rows[i].file), 0);
		cr_assert_eq(chown(place.path, 65534, 65534), 0);
		cr_assert_eq(chmod(place.scratch.path, rows[i].directory), 0);
		cr_assert_eq(chown(place.scratch.path, 65534, 65534), 0);
		cr_assert_eq(seteuid(65534), 0);
		fault = (struct fault){0};
		cr_expect_eq(open_store(place.path, &store, &fault), -1, "row %zu", i);
		cr_expect_eq(fault.class, FAULT_FAILED);
		cr_expect_not_null(strstr(fault.text, "mend its permissions"), "row %zu: %s", i,
				   fault.text);
		cr_assert_eq(seteuid(0), 0);
		remove_store_place(&place);
	}
}

Test(store, makes_an_empty_record_that_others_cannot_read)
{
	struct store_summary summary = {.certificates = 7};
	struct store_place place;
	struct store *store;
	struct fault fault = {0};
	size_t count = 7;

	make_store_place(&place);
	cr_expect_eq(mode_of(place.scratch.dirfd, "ca.db"), 0600);
	cr_expect_eq(count_entries(place.scratch.dirfd), 1);
	store = open_place(&place);
	cr_assert_eq(summarize_store(store, 0, &summary, &fault), 0, "%s", fault.text);
	cr_expect_eq(summary.certificates, 0);
	cr_expect_eq(summary.first_expiry_s, 0);
	cr_assert_eq(count_of(store, "client1", &count, &fault), 0);
	cr_expect_eq(count, 0);
	cr_expect_eq(check_store(store, &fault), 0, "%s", fault.text);
	free_store(&store);
	expect_integrity(place.path);
	remove_store_place(&place);
}

Test(store, leaves_an_existing_file_as_it_is)
{
	struct store_place place;
	struct fault fault = {0};

	make_store_place(&place);
	put_file(place.scratch.dirfd, "ca.db", noise, 0640);
	cr_expect_eq(create_store(place.path, &fault), 0);
	cr_expect(file_holds(place.scratch.dirfd, "ca.db", noise));
	cr_expect_eq(mode_of(place.scratch.dirfd, "ca.db"), 0640);
	remove_store_place(&place);
}

Test(store, says_why_no_record_can_be_made)
{
	struct fault fault = {0};

	cr_expect_eq(create_store("/nonexistent/state/ca.db", &fault), -1);
	cr_expect_eq(fault.class, FAULT_NOT_FOUND);
	cr_expect_not_null(strstr(fault.text, "/nonexistent/state"), "%s", fault.text);
}

static void expect_equal_records(const struct issued_certificate *a,
				 const struct issued_certificate *b)
{
	cr_expect_arr_eq(a->serial, b->serial, SERIAL_MAX);
	cr_expect_arr_eq(a->key_sha256, b->key_sha256, SHA256_LEN);
	cr_expect_str_eq(a->client, b->client);
	cr_expect_str_eq(a->member, b->member);
	cr_expect_str_eq(a->subject, b->subject);
	cr_expect_eq(a->issued_at_s, b->issued_at_s);
	cr_expect_eq(a->not_before_s, b->not_before_s);
	cr_expect_eq(a->not_after_s, b->not_after_s);
	cr_expect_eq(a->revoked, b->revoked);
	cr_expect_eq(a->revoked_at_s, b->revoked_at_s);
	cr_expect_eq(a->reason, b->reason);
	cr_expect(equal_bytes(bytes_of_buffer(&a->der), bytes_of_buffer(&b->der)));
}

Test(store, finds_what_was_recorded_by_key_and_by_serial)
{
	struct issued_certificate records[2];
	enum insert_result results[2];
	struct store_place place;
	struct store *store;
	struct fault fault = {0};

	make_store_place(&place);
	store = open_place(&place);
	make_record(&records[0], "client1", 1);
	make_record(&records[1], "client1", 2);
	records[1].revoked = true;
	records[1].revoked_at_s = 1500;
	records[1].reason = 4;
	cr_assert_eq(store_records(store, records, 2, 10, results, &fault), 0, "%s", fault.text);
	for (size_t i = 0; i < 2; i++) {
		CLEANUP(clear_issued_certificate) struct issued_certificate by_key = {0};
		CLEANUP(clear_issued_certificate) struct issued_certificate by_serial = {0};
		bool found = false;

		cr_expect_eq(results[i], INSERTED);
		cr_assert_eq(find_by_key(store, records[i].key_sha256, &by_key, &found, &fault), 0);
		cr_assert(found);
		expect_equal_records(&by_key, &records[i]);
		found = false;
		cr_assert_eq(find_by_serial(store, records[i].serial, &by_serial, &found, &fault),
			     0);
		cr_assert(found);
		expect_equal_records(&by_serial, &records[i]);
	}
	free_store(&store);
	clear_issued_certificate(&records[0]);
	clear_issued_certificate(&records[1]);
	remove_store_place(&place);
}

Test(store, finds_nothing_where_nothing_is)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate absent = {0};
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	struct store_place place;
	struct store *store;
	struct fault fault = {0};
	bool found = true;

	make_store_place(&place);
	store = open_place(&place);
	insert_one(store, "client1", 1);
	make_record(&absent, "client1", 2);
	cr_assert_eq(find_by_key(store, absent.key_sha256, &record, &found, &fault), 0);
	cr_expect_not(found);
	found = true;
	cr_assert_eq(find_by_serial(store, absent.serial, &record, &found, &fault), 0);
	cr_expect_not(found);
	cr_expect_null(record.subject);
	cr_expect_null(record.der.data);
	free_store(&store);
	remove_store_place(&place);
}

Test(store, keeps_what_it_recorded_over_a_restart)
{
	struct store_place place;
	struct store *store;

	make_store_place(&place);
	fill_place(&place, 3);
	cr_expect_eq(count_entries(place.scratch.dirfd), 1, "nothing is left beside ca.db");
	store = open_place(&place);
	for (uint32_t i = 0; i < 3; i++)
		cr_expect(has_record(store, "client1", i));
	free_store(&store);
	remove_store_place(&place);
}

/* catalogue 44 */
Test(store, records_a_public_key_once)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate again = {0};
	enum insert_result result = INSERTED;
	struct store_place place;
	struct store *store;
	struct fault fault = {0};
	size_t count = 0;

	make_store_place(&place);
	store = open_place(&place);
	insert_one(store, "client1", 1);
	make_record(&again, "client2", 1);
	again.serial[5] ^= 1;
	cr_assert_eq(store_records(store, &again, 1, 10, &result, &fault), 0, "%s", fault.text);
	cr_expect_eq(result, KEY_EXISTS);
	cr_expect(has_record(store, "client1", 1), "the first one stays");
	cr_assert_eq(count_of(store, "client2", &count, &fault), 0);
	cr_expect_eq(count, 0);
	free_store(&store);
	remove_store_place(&place);
}

/* catalogue 48 */
Test(store, stores_nothing_of_a_batch_with_a_serial_that_is_there)
{
	struct issued_certificate records[3];
	enum insert_result results[3];
	struct store_place place;
	struct store *store;
	struct fault fault = {0};
	size_t count = 0;

	make_store_place(&place);
	store = open_place(&place);
	insert_one(store, "client1", 0);
	for (uint32_t i = 0; i < 3; i++)
		make_record(&records[i], "client1", i + 1);
	records[1].serial[0] = 0;
	memcpy(records[2].serial, records[1].serial, SERIAL_MAX);
	cr_expect_eq(store_records(store, records, 3, 10, results, &fault), -1);
	cr_expect_eq(fault.class, FAULT_FAILED);
	cr_expect_not_null(strstr(fault.text, "UNIQUE"), "%s", fault.text);
	cr_assert_eq(count_of(store, "client1", &count, &fault), 0);
	cr_expect_eq(count, 1);
	insert_one(store, "client1", 9);
	for (size_t i = 0; i < 3; i++)
		clear_issued_certificate(&records[i]);
	free_store(&store);
	remove_store_place(&place);
}

Test(store, stops_at_the_quota_and_counts_what_is_there_already_as_nothing_new)
{
	static const enum insert_result expected[] = {INSERTED,   KEY_EXISTS, INSERTED,
						      OVER_QUOTA, KEY_EXISTS, OVER_QUOTA};
	struct issued_certificate records[6];
	enum insert_result results[6];
	struct store_place place;
	struct store *store;
	struct fault fault = {0};
	size_t count = 0;

	make_store_place(&place);
	store = open_place(&place);
	insert_one(store, "client1", 0);
	insert_one(store, "client2", 100);
	for (uint32_t i = 0; i < 6; i++)
		make_record(&records[i], "client1", i % 4 == 1 ? 100 : i + 1);
	clear_issued_certificate(&records[4]);
	make_record(&records[4], "client1", 0);
	clear_issued_certificate(&records[5]);
	make_record(&records[5], "client1", 50);
	cr_assert_eq(store_records(store, records, 6, 3, results, &fault), 0, "%s", fault.text);
	for (size_t i = 0; i < 6; i++)
		cr_expect_eq(results[i], expected[i], "%zu: %u", i, (unsigned int)results[i]);
	cr_assert_eq(count_of(store, "client1", &count, &fault), 0);
	cr_expect_eq(count, 3);
	for (size_t i = 0; i < 6; i++)
		clear_issued_certificate(&records[i]);
	free_store(&store);
	remove_store_place(&place);
}

Test(store, inserts_nothing_of_an_empty_batch)
{
	struct store_place place;
	struct store *store;
	struct fault fault = {0};

	make_store_place(&place);
	store = open_place(&place);
	cr_expect_eq(store_records(store, NULL, 0, 10, NULL, &fault), 0);
	free_store(&store);
	remove_store_place(&place);
}

Test(store, summarizes_by_revoked_then_expired_then_valid)
{
	struct issued_certificate records[5];
	enum insert_result results[5];
	struct store_summary summary;
	struct store_place place;
	struct store *store;
	struct fault fault = {0};

	make_store_place(&place);
	store = open_place(&place);
	for (uint32_t i = 0; i < 5; i++) {
		make_record(&records[i], "client1", i);
		records[i].not_after_s = 1000 + i;
		records[i].revoked = i == 0 || i == 3;
		records[i].revoked_at_s = 950;
	}
	cr_assert_eq(store_records(store, records, 5, 10, results, &fault), 0, "%s", fault.text);
	cr_assert_eq(summarize_store(store, 1002, &summary, &fault), 0, "%s", fault.text);
	cr_expect_eq(summary.certificates, 5);
	cr_expect_eq(summary.revoked, 2);
	cr_expect_eq(summary.expired, 1);
	cr_expect_eq(summary.valid, 2);
	cr_expect_eq(summary.first_expiry_s, 1002, "valid to the last second of notAfter");
	cr_assert_eq(summarize_store(store, 5000, &summary, &fault), 0);
	cr_expect_eq(summary.valid, 0);
	cr_expect_eq(summary.first_expiry_s, 0);
	for (size_t i = 0; i < 5; i++)
		clear_issued_certificate(&records[i]);
	free_store(&store);
	remove_store_place(&place);
}

enum { THREADS = 8, ROUNDS = 10 };

struct contender {
	struct store *store;
	uint32_t first; /* number of its first record */
	size_t quota;
	size_t inserted;
	size_t failures;
};

static void *contend(void *argument)
{
	struct contender *contender = argument;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
		enum insert_result result = OVER_QUOTA;
		struct fault fault = {0};

		make_record(&record, "client1", contender->first + i);
		if (store_records(contender->store, &record, 1, contender->quota, &result, &fault) <
		    0)
			contender->failures++;
		contender->inserted += result == INSERTED;
	}
	return NULL;
}

/* All threads insert; how many records were stored in all. */
static size_t run_contenders(uint32_t step, size_t quota)
{
	struct contender contenders[THREADS];
	pthread_t threads[THREADS];
	struct store_place place;
	struct store *store;
	struct fault fault = {0};
	size_t inserted = 0;
	size_t count = 0;

	make_store_place(&place);
	store = open_place(&place);
	for (uint32_t i = 0; i < THREADS; i++) {
		contenders[i] =
			(struct contender){.store = store, .first = i * step, .quota = quota};
		cr_assert_eq(pthread_create(&threads[i], NULL, contend, &contenders[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		cr_assert_eq(pthread_join(threads[i], NULL), 0);
		cr_expect_eq(contenders[i].failures, 0);
		inserted += contenders[i].inserted;
	}
	cr_assert_eq(count_of(store, "client1", &count, &fault), 0);
	cr_expect_eq(count, inserted);
	free_store(&store);
	remove_store_place(&place);
	return inserted;
}

Test(store, holds_the_quota_when_threads_race_for_it)
{
	cr_expect_eq(run_contenders(ROUNDS, 25), 25);
}

/* catalogue 62, 89 */
Test(store, records_each_key_once_when_threads_race_for_them)
{
	cr_expect_eq(run_contenders(0, 1000), ROUNDS);
}
