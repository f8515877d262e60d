#include "common/ca/store/certificates.h"

#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static struct scratch_store scratch;
static struct store *store;

static void set_up(void)
{
	make_scratch_store(&scratch);
	store = open_scratch_store(&scratch);
}

static void tear_down(void)
{
	free_store(&store);
	remove_scratch_store(&scratch);
}

TestSuite(insert_certificates, .init = set_up, .fini = tear_down);

/* catalogue 44 */
Test(insert_certificates, records_a_public_key_once)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate again = {0};
	enum insert_result result = INSERTED;
	size_t count = 0;

	insert_one(store, "client1", 1);
	make_record(&again, "client2", 1);
	again.serial[5] ^= 1;
	OK(store_records(store, &again, 1, 10, &result, &fault));
	cr_expect_eq(result, KEY_EXISTS);
	cr_expect(has_record(store, "client1", 1), "the first one stays");
	OK(count_of(store, "client2", &count, &fault));
	cr_expect_eq(count, 0);
}

/* catalogue 48 */
Test(insert_certificates, stores_nothing_of_a_batch_with_a_serial_that_is_there)
{
	struct issued_certificate records[3];
	enum insert_result results[3];
	size_t count = 0;

	insert_one(store, "client1", 0);
	for (uint32_t i = 0; i < 3; i++)
		make_record(&records[i], "client1", i + 1);
	records[1].serial[0] = 0;
	memcpy(records[2].serial, records[1].serial, SERIAL_MAX);
	REFUSED(store_records(store, records, 3, 10, results, &fault), FAULT_FAILED, "constraint");
	OK(count_of(store, "client1", &count, &fault));
	cr_expect_eq(count, 1);
	insert_one(store, "client1", 9);
	for (size_t i = 0; i < 3; i++)
		clear_issued_certificate(&records[i]);
}

Test(insert_certificates, stops_at_the_quota_and_counts_what_is_there_already_as_nothing_new)
{
	static const enum insert_result expected[] = {INSERTED,   KEY_EXISTS, INSERTED,
						      OVER_QUOTA, KEY_EXISTS, OVER_QUOTA};
	struct issued_certificate records[6];
	enum insert_result results[6];
	size_t count = 0;

	insert_one(store, "client1", 0);
	insert_one(store, "client2", 100);
	for (uint32_t i = 0; i < 6; i++)
		make_record(&records[i], "client1", i % 4 == 1 ? 100 : i + 1);
	clear_issued_certificate(&records[4]);
	make_record(&records[4], "client1", 0);
	clear_issued_certificate(&records[5]);
	make_record(&records[5], "client1", 50);
	OK(store_records(store, records, 6, 3, results, &fault));
	for (size_t i = 0; i < 6; i++)
		cr_expect_eq(results[i], expected[i], "%zu: %u", i, (unsigned int)results[i]);
	OK(count_of(store, "client1", &count, &fault));
	cr_expect_eq(count, 3);
	for (size_t i = 0; i < 6; i++)
		clear_issued_certificate(&records[i]);
}

Test(insert_certificates, inserts_nothing_of_an_empty_batch)
{
	OK(store_records(store, NULL, 0, 10, NULL, &fault));
}

enum { THREADS = 8, ROUNDS = 10 };

struct contender {
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
		if (store_records(store, &record, 1, contender->quota, &result, &fault) < 0)
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
	size_t inserted = 0;
	size_t count = 0;

	for (uint32_t i = 0; i < THREADS; i++) {
		contenders[i] = (struct contender){.first = i * step, .quota = quota};
		cr_assert_eq(pthread_create(&threads[i], NULL, contend, &contenders[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		cr_assert_eq(pthread_join(threads[i], NULL), 0);
		cr_expect_eq(contenders[i].failures, 0);
		inserted += contenders[i].inserted;
	}
	OK(count_of(store, "client1", &count, &fault));
	cr_expect_eq(count, inserted);
	return inserted;
}

Test(insert_certificates, holds_the_quota_when_threads_race_for_it)
{
	cr_expect_eq(run_contenders(ROUNDS, 25), 25);
}

/* catalogue 62, 89 */
Test(insert_certificates, records_each_key_once_when_threads_race_for_them)
{
	cr_expect_eq(run_contenders(0, 1000), ROUNDS);
}
