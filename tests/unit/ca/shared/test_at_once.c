/* What two front ends do at once on one record, with several threads each. */
#include "common/ca/store/audit.h"
#include "common/ca/store/certificates.h"
#include "common/ca/store/clients.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <pthread.h>

enum { FRONT_ENDS = 2, THREADS = 8, KEYS = 40, QUOTA = 30 };

static struct scratch_store scratch;
static struct store *stores[FRONT_ENDS];

static void set_up(void)
{
	make_scratch_store(&scratch);
	run_foreign_sql(scratch.path,
			"INSERT INTO front_end (id, name, added_at) VALUES (2, 'ca2', 7);"
			"INSERT INTO audit_chain (front_end) VALUES (2)");
	for (int i = 0; i < FRONT_ENDS; i++) {
		stores[i] = open_scratch_store(&scratch);
		set_store_front_end(stores[i], i + 1);
	}
}

static void tear_down(void)
{
	for (int i = 0; i < FRONT_ENDS; i++)
		free_store(&stores[i]);
	remove_scratch_store(&scratch);
}

TestSuite(at_once, .init = set_up, .fini = tear_down);

/* One thread's request for all keys, in the one order or the other. */
struct asking {
	pthread_t thread;
	struct store *store;
	struct issued_certificate records[KEYS];
	enum insert_result results[KEYS];
	size_t quota;
	int status;
	struct fault fault;
};

static void *ask(void *argument)
{
	struct asking *asking = argument;

	asking->status = store_records(asking->store, asking->records, KEYS, asking->quota,
				       asking->results, &asking->fault);
	return NULL;
}

/* Returns how many of the keys were recorded by any of them. */
static size_t ask_all(size_t quota)
{
	static struct asking askings[THREADS];
	size_t inserted = 0;

	for (uint32_t i = 0; i < THREADS; i++) {
		struct asking *asking = &askings[i];

		*asking = (struct asking){.store = stores[i % FRONT_ENDS], .quota = quota};
		for (uint32_t k = 0; k < KEYS; k++)
			make_record(&asking->records[k], "client1",
				    i / FRONT_ENDS % 2 == 0 ? k : KEYS - 1 - k);
		cr_assert_eq(pthread_create(&asking->thread, NULL, ask, asking), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		struct asking *asking = &askings[i];

		(void)pthread_join(asking->thread, NULL);
		cr_expect_eq(asking->status, 0, "%s", asking->fault.text);
		for (size_t k = 0; k < KEYS; k++) {
			inserted += asking->results[k] == INSERTED;
			clear_issued_certificate(&asking->records[k]);
		}
	}
	return inserted;
}

static void expect_whole_log(void)
{
	struct audit_verdict verdict;

	OK(verify_audit(stores[0], &verdict, &fault));
	cr_expect(!verdict.verdict.invalid, "%s", verdict.verdict.reason);
	cr_expect_eq(verdict.chains, FRONT_ENDS);
}

/* catalogue 89, 127 */
Test(at_once, the_same_keys_in_opposite_order_are_certified_once)
{
	size_t count = 0;

	cr_expect_eq(ask_all(KEYS), KEYS);
	OK(count_of(stores[0], "client1", &count, &fault));
	cr_expect_eq(count, KEYS);
	expect_whole_log();
}

Test(at_once, no_quota_is_exceeded)
{
	size_t count = 0;

	cr_expect_eq(ask_all(QUOTA), QUOTA);
	OK(count_of(stores[1], "client1", &count, &fault));
	cr_expect_eq(count, QUOTA);
	expect_whole_log();
}

static enum insert_result insert_at(size_t front_end, uint32_t number)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	enum insert_result result = KEY_EXISTS;

	make_record(&record, "client1", number);
	OK(store_records(stores[front_end], &record, 1, 3, &result, &fault));
	return result;
}

/* Each process keeps what it counted for as long as nobody has written. */
Test(at_once, a_count_is_not_kept_while_the_other_front_end_writes)
{
	cr_expect_eq(insert_at(0, 1), INSERTED);
	cr_expect_eq(insert_at(1, 2), INSERTED);
	cr_expect_eq(insert_at(0, 3), INSERTED);
	cr_expect_eq(insert_at(1, 4), OVER_QUOTA);
	cr_expect_eq(insert_at(0, 4), OVER_QUOTA);
	expect_whole_log();
}
