#include "common/ca/store/certificates.h"

#include "common/ca/store/certificate_rows.h"
#include "common/ca/store/driver.h"
#include "common/ca/store/revoke.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

static enum insert_result insert_below_quota(struct store *at, uint32_t number)
{
	enum { QUOTA = 3 };
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	enum insert_result result = KEY_SPENT;

	make_record(&record, "client1", number);
	OK(store_records(at, &record, 1, QUOTA, &result, &fault));
	return result;
}

static void recover_one(uint32_t number)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	bool inserted;

	make_record(&record, "client1", number);
	OK(begin_transaction(store, TRANSACTION_WRITE, &transaction, &fault));
	OK(insert_recovered(&transaction, &record, 1000, &inserted, &fault));
	OK(commit_transaction(&transaction, &fault));
}

/* What a client has is not counted for each certificate: nobody may be overlooked by that. */
Test(insert_certificates, stop_at_the_quota_whoever_else_writes)
{
	struct store *other = open_scratch_store(&scratch);

	cr_expect_eq(insert_below_quota(store, 1), INSERTED);
	cr_expect_eq(insert_below_quota(other, 2), INSERTED);
	cr_expect_eq(insert_below_quota(store, 3), INSERTED);
	cr_expect_eq(insert_below_quota(store, 4), OVER_QUOTA);
	cr_expect_eq(insert_below_quota(other, 5), OVER_QUOTA);
	free_store(&other);
}

Test(insert_certificates, stop_at_the_quota_after_other_changes_of_the_same_process)
{
	cr_expect_eq(insert_below_quota(store, 1), INSERTED);
	recover_one(2);
	cr_expect_eq(insert_below_quota(store, 3), INSERTED);
	cr_expect_eq(insert_below_quota(store, 4), OVER_QUOTA);
}

/* The room that is left comes from the count before, or from a new one once it may be too little.
 */
Test(insert_certificates, make_use_of_what_others_freed)
{
	static const char *const clients[] = {"client2", "client3"};
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	const struct issued_certificate *first = &record;
	struct revocation_summary summary;
	struct revocation revocation = {
		.serials = &first->serial, .serial_count = 1, .by = CA_NAME, .now_s = 1001};

	make_record(&record, "client1", 1);
	for (uint32_t i = 1; i <= 3; i++) {
		cr_expect_eq(insert_below_quota(store, i), INSERTED);
		insert_one(store, clients[i % 2], 100 + i);
	}
	cr_expect_eq(insert_below_quota(store, 4), OVER_QUOTA);
	OK(revoke_certificates(store, &revocation, NULL, NULL, &summary, &fault));
	cr_expect_eq(insert_below_quota(store, 4), INSERTED);
	cr_expect_eq(insert_below_quota(store, 5), OVER_QUOTA);
}

/* Nobody writes when a certificate expires. */
Test(insert_certificates, make_use_of_what_has_expired_since_it_was_counted)
{
	enum { QUOTA = 2, END_S = 2000 };
	static const int64_t at_s[] = {1000, 1000, END_S, END_S + 1};
	static const enum insert_result expected[] = {INSERTED, INSERTED, OVER_QUOTA, INSERTED};

	for (uint32_t i = 0; i < COUNT_OF(at_s); i++) {
		CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
		enum insert_result result = KEY_SPENT;
		const struct insertion insertion = {
			.records = &record, .count = 1, .quota = QUOTA, .now_s = at_s[i]};

		make_record(&record, "client1", i);
		record.not_after_s = END_S;
		OK(insert_certificates(store, &insertion, &result, &fault));
		cr_expect_eq(result, expected[i], "%u: %u", i, (unsigned int)result);
	}
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

/* --- insertions that wait for each other --- */

enum { JOINT = 8 };

struct joint_thread {
	pthread_t thread;
	struct issued_certificate record;
	enum fault_class problem; /* of what is recorded beside it; FAULT_NONE: none */
	size_t quota;
	const struct transaction *transaction; /* in which it was recorded last */
	enum insert_result result;
	int outcome;
	struct fault fault;
};

static int note_transaction(void *context, struct transaction *transaction,
			    const struct issued_certificate *record, struct fault *fault)
{
	struct joint_thread *thread = context;

	(void)record;
	thread->transaction = transaction;
	return thread->problem != FAULT_NONE ? set_fault(fault, thread->problem, "not beside this")
					     : 0;
}

static void *insert_in_thread(void *argument)
{
	struct joint_thread *thread = argument;
	const struct insertion insertion = {.records = &thread->record,
					    .count = 1,
					    .quota = thread->quota,
					    .now_s = 1000,
					    .beside = note_transaction,
					    .beside_context = thread};

	thread->outcome = insert_certificates(store, &insertion, &thread->result, &thread->fault);
	return NULL;
}

static size_t count_waiting(void)
{
	size_t waiting;

	pthread_mutex_lock(&store->insertions.lock);
	waiting = store->insertions.waiting;
	pthread_mutex_unlock(&store->insertions.lock);
	return waiting;
}

static void make_threads(struct joint_thread threads[JOINT])
{
	for (uint32_t i = 0; i < JOINT; i++) {
		make_record(&threads[i].record, i % 2 == 0 ? "client1" : "client2", i);
		threads[i].quota = 10;
	}
}

/* The first one waits for this thread's transaction, and has all of them in its own then, in their
   order. */
static void insert_at_once(struct joint_thread threads[JOINT])
{
	CLEANUP(end_transaction) struct transaction transaction = {0};

	OK(begin_transaction(store, TRANSACTION_WRITE, &transaction, &fault));
	for (size_t i = 0; i < JOINT; i++) {
		cr_assert_eq(
			pthread_create(&threads[i].thread, NULL, insert_in_thread, &threads[i]), 0);
		while (count_waiting() <= i)
			(void)usleep(1000);
	}
	end_transaction(&transaction);
	for (size_t i = 0; i < JOINT; i++)
		cr_assert_eq(pthread_join(threads[i].thread, NULL), 0);
}

static void clear_threads(struct joint_thread threads[JOINT])
{
	for (size_t i = 0; i < JOINT; i++)
		clear_issued_certificate(&threads[i].record);
}

static size_t count_transactions(const struct joint_thread threads[JOINT])
{
	size_t count = 0;

	for (size_t i = 0; i < JOINT; i++) {
		bool first = true;

		for (size_t j = 0; j < i; j++)
			first &= threads[j].transaction != threads[i].transaction;
		count += first;
	}
	return count;
}

Test(insert_certificates, share_a_transaction_when_they_wait_for_each_other_also_of_two_clients)
{
	struct joint_thread threads[JOINT] = {0};

	make_threads(threads);
	insert_at_once(threads);
	for (uint32_t i = 0; i < JOINT; i++) {
		cr_expect_eq(threads[i].outcome, 0, "%s", threads[i].fault.text);
		cr_expect_eq(threads[i].result, INSERTED);
		cr_expect(has_record(store, i % 2 == 0 ? "client1" : "client2", i));
	}
	cr_expect_eq(count_transactions(threads), 1);
	clear_threads(threads);
}

Test(insert_certificates, fail_for_no_others_refusal)
{
	struct joint_thread threads[JOINT] = {0};
	size_t count = 0;

	make_threads(threads);
	threads[3].problem = FAULT_REFUSED;
	insert_at_once(threads);
	for (uint32_t i = 0; i < JOINT; i++)
		cr_expect_eq(threads[i].outcome, i == 3 ? -1 : 0, "%u: %s", i,
			     threads[i].fault.text);
	cr_expect_str_eq(threads[3].fault.text, "not beside this");
	OK(count_of(store, "client2", &count, &fault));
	cr_expect_eq(count, JOINT / 2 - 1);
	clear_threads(threads);
}

static size_t count_results(const struct joint_thread threads[JOINT], enum insert_result result)
{
	size_t count = 0;

	for (size_t i = 0; i < JOINT; i++) {
		cr_expect_eq(threads[i].outcome, 0, "%s", threads[i].fault.text);
		count += threads[i].result == result;
	}
	return count;
}

Test(insert_certificates, stay_below_the_quota_in_a_transaction_that_they_share)
{
	struct joint_thread threads[JOINT] = {0};
	size_t count = 0;

	make_threads(threads);
	for (size_t i = 0; i < JOINT; i++)
		threads[i].quota = i % 2 == 0 ? 3 : 1;
	insert_at_once(threads);
	cr_expect_eq(count_results(threads, INSERTED), 4);
	cr_expect_eq(count_results(threads, OVER_QUOTA), JOINT - 4);
	OK(count_of(store, "client1", &count, &fault));
	cr_expect_eq(count, 3);
	OK(count_of(store, "client2", &count, &fault));
	cr_expect_eq(count, 1);
	clear_threads(threads);
}

/* One after the other, so that what is left of it goes from one to the next. */
Test(insert_certificates, of_one_client_stay_below_its_quota_in_a_transaction_that_they_share)
{
	struct joint_thread threads[JOINT] = {0};
	size_t count = 0;

	make_threads(threads);
	for (size_t i = 0; i < JOINT; i++) {
		threads[i].quota = 3;
		(void)snprintf(threads[i].record.client, NAME_SIZE, "client1");
	}
	insert_at_once(threads);
	cr_expect_eq(count_results(threads, INSERTED), 3);
	cr_expect_eq(count_results(threads, OVER_QUOTA), JOINT - 3);
	OK(count_of(store, "client1", &count, &fault));
	cr_expect_eq(count, 3);
	clear_threads(threads);
}

Test(insert_certificates, record_a_key_once_in_a_transaction_that_they_share)
{
	struct joint_thread threads[JOINT] = {0};

	make_threads(threads);
	for (size_t i = 1; i < JOINT; i++)
		memcpy(threads[i].record.key_sha256, threads[0].record.key_sha256, SHA256_LEN);
	insert_at_once(threads);
	cr_expect_eq(count_results(threads, INSERTED), 1);
	cr_expect_eq(count_results(threads, KEY_EXISTS), JOINT - 1);
	clear_threads(threads);
}

/* A key whose first record was not inserted is not taken. */
Test(insert_certificates, record_a_key_for_the_next_client_where_the_first_one_has_no_room)
{
	struct joint_thread threads[JOINT] = {0};

	make_threads(threads);
	for (size_t i = 1; i < JOINT; i++)
		memcpy(threads[i].record.key_sha256, threads[0].record.key_sha256, SHA256_LEN);
	threads[0].quota = 0;
	insert_at_once(threads);
	cr_expect_eq(threads[0].result, OVER_QUOTA);
	cr_expect_eq(threads[1].result, INSERTED);
	cr_expect_eq(count_results(threads, KEY_EXISTS), JOINT - 2);
	clear_threads(threads);
}

/* A disk that is full is everybody's failure: nobody is told that its certificate is recorded. */
Test(insert_certificates, all_fail_with_the_transaction_that_they_share)
{
	struct joint_thread threads[JOINT] = {0};
	size_t failed = 0;

	make_threads(threads);
	for (size_t i = 0; i < JOINT; i++)
		threads[i].problem = i == 3 ? FAULT_FAILED : FAULT_NONE;
	insert_at_once(threads);
	for (uint32_t i = 0; i < JOINT; i++) {
		const char *client = i % 2 == 0 ? "client1" : "client2";

		cr_expect_eq(has_record(store, client, i), threads[i].outcome == 0);
		failed += threads[i].outcome < 0;
		if (threads[i].outcome < 0)
			cr_expect_str_eq(threads[i].fault.text, "not beside this");
	}
	cr_expect_eq(failed, JOINT);
	clear_threads(threads);
}
