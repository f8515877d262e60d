#include "common/pool/messages/choose_once.h"

#include "common/base/workers.h"
#include "tests/support/expect.h"
#include "tests/unit/pool/messages/choosing.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

TestSuite(choose_once, .init = open_choosing, .fini = close_choosing);

/* A pool that had its state before it had keys. */
static void prepare_once_only(void)
{
	static struct client_node empty = {.name = "client1"};

	empty.pool.size = CHOOSING_SIZE;
	empty.pool.reuse.method = REUSE_ONCE_ONLY;
	for (size_t i = 1; i <= CHOOSING_SIZE; i++) {
		char name[FILE_NAME_SIZE];

		name_private_key(i, name);
		cr_assert_eq(unlinkat(choosing.fixture.layouts[0]->private, name, 0), 0);
		name_csr(i, name);
		cr_assert_eq(unlinkat(choosing.fixture.layouts[0]->csr_file, name, 0), 0);
		remove_member(i);
	}
	OK(prepare_numbers(choosing.fixture.layouts[0], &empty, choosing.fixture.now_s, &fault));
	free(TAKE(empty.pool.marks));
	make_certified_pool(&choosing.fixture, 0);
}

static void expect_empty(struct chooser *chooser, const char *text)
{
	CLEANUP(release_signer) struct signer *signer = NULL;

	REFUSED(choose_signer(chooser, "client2", choosing.fixture.now_s, &signer, &fault),
		FAULT_NOT_FOUND, text);
	cr_expect_null(signer);
}

Test(choose_once, lets_a_member_sign_once_only_over_all_processes)
{
	CLEANUP(free_chooser) struct chooser *chooser = NULL;
	size_t counts[CHOOSING_SIZE + 1] = {0};

	prepare_once_only();
	for (size_t i = 0; i < CHOOSING_SIZE; i++) {
		free_chooser(&chooser);
		chooser = open_chooser(REUSE_ONCE_ONLY);
		counts[choose(chooser)]++;
	}
	expect_each_once(counts);
	expect_empty(chooser, "no member of the pool of client1 is unused and can sign: 6 are set "
			      "aside, 0 have no valid certificate: run certpool keep client1");
}

/* The places of messages that were not sent are for the next process. */
Test(choose_once, gives_members_back_that_did_not_sign)
{
	CLEANUP(free_chooser) struct chooser *chooser = NULL;
	size_t counts[CHOOSING_SIZE + 1] = {0};

	prepare_once_only();
	for (size_t i = 0; i < CHOOSING_SIZE; i++) {
		free_chooser(&chooser);
		chooser = open_chooser(REUSE_ONCE_ONLY);
		expect_messages(chooser, 1000);
		counts[choose(chooser)]++;
	}
	expect_each_once(counts);
}

/* What the threads of one process share. */
static struct {
	struct chooser *chooser;
	pthread_mutex_t lock;
	size_t counts[CHOOSING_SIZE + 1]; /* of 0: no member was left */
} threads = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* A task_function. */
static int choose_in_thread(size_t index, void *context, struct fault *fault)
{
	CLEANUP(release_signer) struct signer *signer = NULL;
	struct fault empty = {0};

	(void)index;
	(void)context;
	if (choose_signer(threads.chooser, "client2", choosing.fixture.now_s, &signer, &empty) <
		    0 &&
	    empty.class != FAULT_NOT_FOUND)
		return pass_fault(&empty, fault);
	pthread_mutex_lock(&threads.lock);
	threads.counts[signer != NULL ? signer->member.index : 0]++;
	pthread_mutex_unlock(&threads.lock);
	return 0;
}

Test(choose_once, lets_a_member_sign_once_only_over_all_threads)
{
	enum { THREADS = 8 };
	CLEANUP(free_chooser) struct chooser *chooser = NULL;

	prepare_once_only();
	chooser = open_chooser(REUSE_ONCE_ONLY);
	threads.chooser = chooser;
	expect_messages(chooser, CHOOSING_SIZE);
	OK(run_tasks((size_t)2 * CHOOSING_SIZE, THREADS, choose_in_thread, NULL, &fault));
	expect_each_once(threads.counts);
	cr_expect_eq(threads.counts[0], CHOOSING_SIZE, "as many find none left");
}

/* Each knows the pool from its own last choice, and takes places for several messages. */
Test(choose_once, follows_what_other_processes_do_meanwhile)
{
	CLEANUP(free_chooser) struct chooser *first = NULL;
	CLEANUP(free_chooser) struct chooser *second = NULL;
	CLEANUP(release_signer) struct signer *named = NULL;
	struct client_node own;
	size_t counts[CHOOSING_SIZE * 3 + 1] = {0};

	prepare_once_only();
	first = open_chooser(REUSE_ONCE_ONLY);
	second = open_chooser(REUSE_ONCE_ONLY);
	own = *choosing.client;
	counts[choose(first)]++;
	counts[choose(second)]++;
	for (size_t i = 1; named == NULL; i++)
		if (counts[i] == 0) {
			OK(open_chosen_signer(second, i, choosing.fixture.now_s, &named, &fault));
			counts[i]++;
		}
	for (size_t i = 0; i < 3; i++)
		counts[choose(i == 1 ? second : first)]++;
	expect_each_once(counts);
	expect_empty(first, "6 are set aside");
	/* Another process fills the pool up. */
	OK(fill_numbers_up(choosing.fixture.layouts[0], &own, &fault));
	choosing.client->pool.last = own.pool.last;
	choosing.client->pool.marks = own.pool.marks;
	make_client_pool(&choosing.fixture, 0);
	for (size_t i = CHOOSING_SIZE + 1; i <= own.pool.last; i++)
		certify_member(&choosing.fixture, 0, i, choosing.fixture.now_s - 300,
			       choosing.fixture.now_s + 7200);
	for (size_t i = 0; i < CHOOSING_SIZE; i++)
		counts[choose(i % 2 == 0 ? first : second)]++;
	for (size_t i = 1; i <= own.pool.last; i++)
		cr_expect_eq(counts[i], 1, "member %zu: %zu times", i, counts[i]);
	free(TAKE(choosing.client->pool.marks));
}

/* What one process has written is the truth, whatever file somebody puts there meanwhile. */
Test(choose_once, lets_no_member_sign_twice_when_the_state_is_put_back_under_it)
{
	CLEANUP(free_chooser) struct chooser *chooser = NULL;
	CLEANUP(clear_buffer) struct buffer old = {0};

	prepare_once_only();
	old = get_file(choosing.fixture.layouts[0]->state, POOL_STATE_FILE);
	chooser = open_chooser(REUSE_ONCE_ONLY);
	(void)choose(chooser);
	restore_state(&old);
	expect_empty(chooser, "6 are set aside");
}

/* A member that cannot sign is drawn again once it can. */
Test(choose_once, passes_over_members_that_cannot_sign)
{
	CLEANUP(free_chooser) struct chooser *chooser = NULL;
	size_t counts[CHOOSING_SIZE + 1] = {0};

	prepare_once_only();
	remove_member(2);
	remove_member(5);
	chooser = open_chooser(REUSE_ONCE_ONLY);
	for (size_t i = 0; i < CHOOSING_SIZE - 2; i++)
		counts[choose(chooser)]++;
	expect_empty(chooser, "4 are set aside, 2 have no valid certificate");
	certify_member(&choosing.fixture, 0, 2, choosing.fixture.now_s - 300,
		       choosing.fixture.now_s + 7200);
	cr_expect_eq(choose(chooser), 2);
	cr_expect_eq(counts[2] + counts[5], 0);
}

Test(choose_once, names_a_member_once_only)
{
	CLEANUP(free_chooser) struct chooser *chooser = NULL;
	CLEANUP(release_signer) struct signer *signer = NULL;
	CLEANUP(release_signer) struct signer *again = NULL;

	prepare_once_only();
	chooser = open_chooser(REUSE_ONCE_ONLY);
	OK(open_chosen_signer(chooser, 4, choosing.fixture.now_s, &signer, &fault));
	REFUSED(open_chosen_signer(chooser, 4, choosing.fixture.now_s, &again, &fault),
		FAULT_REFUSED, "member 4 of client1: it has signed before");
	for (size_t i = 1; i < CHOOSING_SIZE; i++)
		cr_expect_neq(choose(chooser), 4);
}

/* Whoever made the pool random before, or lost the file, has members that may have signed. */
Test(choose_once, sets_all_members_aside_that_were_there_before_the_state)
{
	CLEANUP(free_chooser) struct chooser *chooser = open_chooser(REUSE_ONCE_ONLY);

	expect_empty(chooser, "6 are set aside");
	expect_empty(chooser, "6 are set aside");
}

Test(choose_once, sets_all_members_aside_when_the_state_is_a_copy)
{
	CLEANUP(free_chooser) struct chooser *chooser = NULL;
	CLEANUP(clear_buffer) struct buffer old = {0};

	prepare_once_only();
	chooser = open_chooser(REUSE_ONCE_ONLY);
	(void)choose(chooser);
	old = get_file(choosing.fixture.layouts[0]->state, POOL_STATE_FILE);
	(void)choose(chooser);
	restore_state(&old);
	expect_empty(chooser, "6 are set aside");
}

Test(choose_once, reuses_one_member_of_an_empty_pool_if_that_is_asked_for)
{
	CLEANUP(free_chooser) struct chooser *chooser = NULL;
	size_t counts[CHOOSING_SIZE + 1] = {0};
	size_t last;

	prepare_once_only();
	choosing.client->pool.reuse.on_empty = EMPTY_REUSE;
	chooser = open_chooser(REUSE_ONCE_ONLY);
	for (size_t i = 0; i < CHOOSING_SIZE; i++)
		counts[choose(chooser)]++;
	expect_each_once(counts);
	last = choose(chooser);
	for (size_t i = 0; i < 20; i++)
		cr_expect_eq(choose(chooser), last);
}

Test(choose_once, retires_the_numbers_of_used_members_and_gives_new_ones)
{
	CLEANUP(free_chooser) struct chooser *chooser = NULL;
	struct client_node own;
	size_t retired;

	prepare_once_only();
	chooser = open_chooser(REUSE_ONCE_ONLY);
	choosing.client->pool.reuse.topup_unused = 2;
	own = *choosing.client;
	for (size_t i = 0; i < 3; i++)
		(void)choose(chooser);
	OK(fill_numbers_up(choosing.fixture.layouts[0], &own, &fault));
	cr_expect_eq(own.pool.last, CHOOSING_SIZE, "three are unused");
	(void)choose(chooser);
	OK(fill_numbers_up(choosing.fixture.layouts[0], &own, &fault));
	cr_expect_eq(own.pool.last, CHOOSING_SIZE + 4);
	cr_expect_eq(count_members(&own.pool), CHOOSING_SIZE);
	OK(fill_numbers_up(choosing.fixture.layouts[0], &own, &fault));
	cr_expect_eq(own.pool.last, CHOOSING_SIZE + 4);
	OK(retire_used_members(choosing.fixture.layouts[0], &own, &retired, &fault));
	cr_expect_eq(retired, 4);
	cr_expect_eq(count_members(&own.pool), CHOOSING_SIZE);
	cr_expect_eq(count_files(choosing.fixture.layouts[0]->csr_file), 2);
	OK(retire_used_members(choosing.fixture.layouts[0], &own, &retired, &fault));
	cr_expect_eq(retired, 0);
	free(own.pool.marks);
}

Test(choose_once, retires_no_member_that_has_signed_since_the_pool_was_filled_up)
{
	CLEANUP(free_chooser) struct chooser *chooser = NULL;
	struct client_node own;
	size_t retired;

	prepare_once_only();
	chooser = open_chooser(REUSE_ONCE_ONLY);
	own = *choosing.client;
	for (size_t i = 0; i < CHOOSING_SIZE - 1; i++)
		(void)choose(chooser);
	OK(fill_numbers_up(choosing.fixture.layouts[0], &own, &fault));
	(void)choose(chooser);
	OK(retire_used_members(choosing.fixture.layouts[0], &own, &retired, &fault));
	cr_expect_eq(retired, CHOOSING_SIZE - 1);
	cr_expect_eq(count_files(choosing.fixture.layouts[0]->csr_file), 1);
	free(own.pool.marks);
}

Test(choose_once, waits_longer_after_each_fill_up_that_fails_again_and_less_than_an_hour)
{
	const struct layout *layout = choosing.fixture.layouts[0];
	const struct fault failure = {FAULT_UNREACHABLE, "the CA is away"};
	int64_t now_s = choosing.fixture.now_s;
	static const int64_t delays_s[] = {45, 90, 180, 360, 720, 1440, 2700, 2700, 2700};

	prepare_once_only();
	OK(note_fill_up(layout, "client1", now_s, &failure, &fault));
	OK(check_fill_up(layout, "client1", now_s, &fault));
	for (size_t i = 0; i < COUNT_OF(delays_s); i++) {
		OK(note_fill_up(layout, "client1", now_s, &failure, &fault));
		REFUSED(check_fill_up(layout, "client1", now_s + delays_s[i] - 1, &fault),
			FAULT_BUSY, "the CA is away");
		OK(check_fill_up(layout, "client1", now_s - 1, &fault));
		now_s += delays_s[i];
		OK(check_fill_up(layout, "client1", now_s, &fault));
	}
	OK(note_fill_up(layout, "client1", now_s, NULL, &fault));
	OK(check_fill_up(layout, "client1", now_s, &fault));
}

/* Each run ends a minute after it began, and a timer starts the next one a minute early. */
Test(choose_once, has_an_hourly_timer_try_each_time)
{
	const struct layout *layout = choosing.fixture.layouts[0];
	const struct fault failure = {FAULT_UNREACHABLE, "the CA is away"};

	prepare_once_only();
	for (int64_t hour = 0; hour < 20; hour++) {
		int64_t begin_s = choosing.fixture.now_s + hour * 3600 - (hour % 2) * 60;

		OK(check_fill_up(layout, "client1", begin_s, &fault));
		OK(note_fill_up(layout, "client1", begin_s + 60, &failure, &fault));
	}
}

/* With another reuse, which may have members sign more than once. */
static const enum reuse other_methods[] = {REUSE_RANDOM, REUSE_LIMITED_TIME, REUSE_ROTATING_BATCH,
					   REUSE_PER_RELYING_PARTY};

/* All have signed but the one that it returns. */
static size_t use_all_but_one(void)
{
	CLEANUP(free_chooser) struct chooser *chooser = open_chooser(REUSE_ONCE_ONLY);
	CLEANUP(clear_pool_state) struct pool_state state = {0};
	size_t left = CHOOSING_SIZE * (CHOOSING_SIZE + 1) / 2;

	for (size_t i = 1; i < CHOOSING_SIZE; i++)
		left -= choose(chooser);
	OK(view_numbers(choosing.fixture.layouts[0], choosing.client, choosing.fixture.now_s,
			&state, &fault));
	return left;
}

Test(choose_once, leaves_what_was_used_up_alone_with_every_other_reuse)
{
	size_t left;

	prepare_once_only();
	left = use_all_but_one();
	for (size_t i = 0; i < COUNT_OF(other_methods); i++) {
		CLEANUP(free_chooser) struct chooser *chooser = open_chooser(other_methods[i]);

		/* Each message in a time of its own. */
		choosing.client->pool.reuse.hold_s =
			other_methods[i] == REUSE_LIMITED_TIME ? 60 : 0;
		for (size_t j = 0; j < 20; j++)
			cr_expect_eq(choose_at(chooser, "client2",
					       choosing.fixture.now_s + (int64_t)j * 60),
				     left, "%s", format_reuse(other_methods[i]));
	}
	choosing.client->pool.reuse.hold_s = 0;
	remove_member(left);
	for (size_t i = 0; i < COUNT_OF(other_methods); i++) {
		CLEANUP(free_chooser) struct chooser *chooser = open_chooser(other_methods[i]);

		expect_empty(chooser, "can sign that was not used up before: run certpool keep");
	}
}

Test(choose_once, sets_all_aside_that_signed_with_another_reuse)
{
	CLEANUP(free_chooser) struct chooser *chooser = NULL;

	prepare_once_only();
	(void)use_all_but_one();
	chooser = open_chooser(REUSE_RANDOM);
	(void)choose(chooser);
	free_chooser(&chooser);
	chooser = open_chooser(REUSE_ONCE_ONLY);
	expect_empty(chooser, "6 are set aside");
}

Test(choose_once, knows_a_copy_also_once_another_command_has_written_it)
{
	CLEANUP(clear_buffer) struct buffer old = {0};
	CLEANUP(clear_pool_state) struct pool_state state = {0};
	CLEANUP(free_chooser) struct chooser *chooser = NULL;
	const struct layout *layout = choosing.fixture.layouts[0];
	const struct fault failure = {.class = FAULT_FAILED, .text = "why"};

	prepare_once_only();
	OK(read_file(layout->state, POOL_STATE_FILE, 4096, &old, &fault));
	(void)use_all_but_one();
	restore_state(&old);
	OK(note_fill_up(layout, "client1", choosing.fixture.now_s, &failure, &fault));
	OK(read_pool_state(layout, "client1", &state, &fault));
	cr_expect_not(state.copied);
	chooser = open_chooser(REUSE_ONCE_ONLY);
	expect_empty(chooser, "6 are set aside");
}
