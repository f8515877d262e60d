#include "common/ca/store/certificates.h"

#include "common/ca/store/audit.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* Certificates whose order in the record is drawn among those of all callers. */

enum { RECORDS = 12, LONG_MS = 600000, ALL = SHUFFLED_CALLERS * RECORDS };

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

TestSuite(shuffled_insertions, .init = set_up, .fini = tear_down);

struct caller {
	pthread_t thread;
	char client[NAME_SIZE];
	struct issued_certificate records[RECORDS];
	enum insert_result results[RECORDS];
	size_t quota;
	int64_t shuffle_ms;
};

static void init_caller(struct caller *caller, uint32_t number)
{
	*caller = (struct caller){.quota = 1000, .shuffle_ms = LONG_MS};
	(void)snprintf(caller->client, sizeof(caller->client), "client%u", number);
	for (uint32_t i = 0; i < RECORDS; i++)
		make_record(&caller->records[i], caller->client, number * RECORDS + i);
}

static void clear_caller(struct caller *caller)
{
	for (size_t i = 0; i < RECORDS; i++)
		clear_issued_certificate(&caller->records[i]);
}

static void *insert(void *argument)
{
	struct caller *caller = argument;
	const struct insertion insertion = {.records = caller->records,
					    .count = RECORDS,
					    .quota = caller->quota,
					    .now_s = 1000,
					    .shuffle_ms = caller->shuffle_ms};

	OK(insert_certificates(store, &insertion, caller->results, &fault));
	return NULL;
}

static void run_callers(struct caller *callers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		cr_assert_eq(pthread_create(&callers[i].thread, NULL, insert, &callers[i]), 0);
	for (size_t i = 0; i < count; i++)
		cr_assert_eq(pthread_join(callers[i].thread, NULL), 0);
}

/* A certificate_function: how often a certificate follows the one that its request has before it,
   and how often one of the same client. */
struct order_seen {
	struct issued_certificate last;
	size_t count;
	size_t in_order;
	size_t beside;
};

static int note_order(void *context, const struct issued_certificate *certificate, int64_t position,
		      struct fault *fault)
{
	struct order_seen *seen = context;
	const bool beside = strcmp(certificate->client, seen->last.client) == 0;

	(void)position;
	(void)fault;
	seen->beside += seen->count > 0 && beside ? 1 : 0;
	seen->in_order +=
		seen->count > 0 && beside && strverscmp(certificate->member, seen->last.member) > 0
			? 1
			: 0;
	seen->count++;
	memcpy(seen->last.client, certificate->client, NAME_SIZE);
	memcpy(seen->last.member, certificate->member, NAME_SIZE);
	return 0;
}

static struct order_seen read_order(void)
{
	const struct listing all = {0};
	struct order_seen seen = {.count = 0};

	OK(list_certificates(store, &all, note_order, &seen, NULL, &fault));
	return seen;
}

/*
 * As many callers as are enough wait for no time. Of 192 places 11 in 191 are beside another of the
 * same client by chance, 11 in all: 60 or more have a chance below 10^-20.
 */
Test(shuffled_insertions, mix_the_certificates_of_all_that_wait)
{
	static struct caller callers[SHUFFLED_CALLERS];
	struct audit_verdict audit;
	struct order_seen seen;

	for (uint32_t i = 0; i < SHUFFLED_CALLERS; i++)
		init_caller(&callers[i], i);
	run_callers(callers, SHUFFLED_CALLERS);
	seen = read_order();
	cr_expect_eq(seen.count, ALL);
	cr_expect_lt(seen.beside, 60, "%zu of %d beside one of the same client", seen.beside, ALL);
	for (size_t i = 0; i < SHUFFLED_CALLERS; i++) {
		for (uint32_t j = 0; j < RECORDS; j++) {
			cr_expect_eq(callers[i].results[j], INSERTED);
			cr_expect(has_record(store, callers[i].client, (uint32_t)i * RECORDS + j));
		}
		clear_caller(&callers[i]);
	}
	OK(verify_audit(store, &audit, &fault));
	cr_expect_not(audit.verdict.invalid, "%s", audit.verdict.reason);
	cr_expect_eq(audit.lines, ALL, "each has an event of its own");
}

/* It waits for others in vain, and has its own in another order: the same one of 12 comes by chance
   once in 479,001,600 times, and three times in a row less than once in 10^25. */
Test(shuffled_insertions, give_a_lone_client_an_order_that_is_drawn)
{
	size_t same = 0;

	for (uint32_t i = 0; i < 3; i++) {
		struct caller caller;
		struct order_seen seen;

		tear_down();
		set_up();
		init_caller(&caller, i);
		caller.shuffle_ms = 1;
		run_callers(&caller, 1);
		seen = read_order();
		cr_expect_eq(seen.count, RECORDS);
		same += seen.in_order == RECORDS - 1 ? 1 : 0;
		clear_caller(&caller);
	}
	cr_expect_lt(same, 3);
}

/* Each caller's quota is its own. */
Test(shuffled_insertions, stop_each_client_at_its_quota)
{
	static struct caller callers[SHUFFLED_CALLERS];

	for (uint32_t i = 0; i < SHUFFLED_CALLERS; i++) {
		init_caller(&callers[i], i);
		callers[i].quota = i % (RECORDS + 2);
	}
	run_callers(callers, SHUFFLED_CALLERS);
	for (size_t i = 0; i < SHUFFLED_CALLERS; i++) {
		const size_t expected = callers[i].quota < RECORDS ? callers[i].quota : RECORDS;
		size_t inserted = 0;
		size_t count;

		for (size_t j = 0; j < RECORDS; j++) {
			inserted += callers[i].results[j] == INSERTED ? 1 : 0;
			cr_expect(callers[i].results[j] == INSERTED ||
				  callers[i].results[j] == OVER_QUOTA);
		}
		cr_expect_eq(inserted, expected);
		OK(count_of(store, callers[i].client, &count, &fault));
		cr_expect_eq(count, expected);
		clear_caller(&callers[i]);
	}
}
