#include "common/pool/messages/choose_signer.h"

#include "common/base/workers.h"
#include "tests/support/expect.h"
#include "tests/unit/pool/messages/choosing.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(choose_signer, .init = open_choosing, .fini = close_choosing);

static bool has_state(void)
{
	bool found;

	OK(find_file(choosing.fixture.layouts[0]->state, POOL_STATE_FILE, &found, &fault));
	return found;
}

Test(choose_signer, keeps_no_state_when_the_choice_is_random)
{
	CLEANUP(free_chooser) struct chooser *chooser = open_chooser(REUSE_RANDOM);

	for (size_t i = 0; i < 50; i++)
		(void)choose(chooser);
	cr_expect_not(has_state());
}

Test(choose_signer, rotates_through_each_member_once_and_then_again)
{
	CLEANUP(free_chooser) struct chooser *chooser = open_chooser(REUSE_ROTATING_BATCH);
	size_t first[CHOOSING_SIZE];
	bool same = true;

	for (size_t round = 0; round < 20; round++) {
		size_t counts[CHOOSING_SIZE + 1] = {0};

		for (size_t i = 0; i < CHOOSING_SIZE; i++) {
			size_t member = choose(chooser);

			counts[member]++;
			if (round == 0)
				first[i] = member;
			same = same && first[i] == member;
		}
		expect_each_once(counts);
	}
	/* That 20 orders of six are the same has a probability of 720^-19. */
	cr_expect_not(same);
}

Test(choose_signer, lets_each_member_of_an_order_sign_the_hold)
{
	CLEANUP(free_chooser) struct chooser *chooser = NULL;

	choosing.client->pool.reuse.hold_messages = 3;
	chooser = open_chooser(REUSE_ROTATING_BATCH);
	expect_messages(chooser, 1000);
	for (size_t round = 0; round < 5; round++) {
		size_t counts[CHOOSING_SIZE + 1] = {0};

		for (size_t i = 0; i < CHOOSING_SIZE; i++) {
			size_t member = choose(chooser);

			counts[member]++;
			cr_expect_eq(choose(chooser), member);
			cr_expect_eq(choose(chooser), member);
		}
		expect_each_once(counts);
	}
}

/* Over processes that come one after the other, too. */
static void expect_holds(enum reuse method, size_t *ret_repeated)
{
	enum { HOLDS = 120, HOLD = 3 };
	size_t last = 0;

	*ret_repeated = 0;
	choosing.client->pool.reuse.hold_messages = HOLD;
	for (size_t hold = 0; hold < HOLDS; hold++) {
		CLEANUP(free_chooser) struct chooser *first = open_chooser(method);
		CLEANUP(free_chooser) struct chooser *other = open_chooser(method);
		size_t member = choose(first);

		cr_expect_eq(choose(other), member);
		cr_expect_eq(choose(first), member);
		*ret_repeated += member == last ? 1 : 0;
		last = member;
	}
}

/* That the next of six members is never the same in 119 draws has a probability of 10^-9. */
Test(choose_signer, draws_a_member_at_random_for_a_hold_of_messages)
{
	size_t repeated;

	expect_holds(REUSE_RANDOM, &repeated);
	cr_expect_gt(repeated, 0);
}

Test(choose_signer, takes_another_member_after_a_hold_of_messages)
{
	size_t repeated;

	expect_holds(REUSE_LIMITED_TIME, &repeated);
	cr_expect_eq(repeated, 0);
}

Test(choose_signer, ends_a_hold_of_messages_when_its_member_cannot_sign)
{
	static const enum reuse methods[] = {REUSE_RANDOM, REUSE_LIMITED_TIME};

	choosing.client->pool.reuse.hold_messages = 1000;
	for (size_t i = 0; i < COUNT_OF(methods); i++) {
		CLEANUP(free_chooser) struct chooser *chooser = open_chooser(methods[i]);
		size_t member = choose(chooser);
		size_t other;

		remove_member(member);
		other = choose(chooser);
		cr_expect_neq(other, member);
		cr_expect_eq(choose(chooser), other);
	}
}

/* One of six members cannot sign: the orders that draw it are passed over. */
Test(choose_signer, takes_another_member_after_a_hold_when_some_cannot_sign)
{
	CLEANUP(free_chooser) struct chooser *chooser = NULL;
	size_t last = 0;

	choosing.client->pool.reuse.hold_messages = 1;
	chooser = open_chooser(REUSE_LIMITED_TIME);
	remove_member(2);
	for (size_t i = 0; i < 200; i++) {
		size_t member = choose(chooser);

		cr_expect_neq(member, last);
		last = member;
	}
}

Test(choose_signer, lets_one_member_sign_when_no_other_can)
{
	CLEANUP(free_chooser) struct chooser *chooser = NULL;

	choosing.client->pool.reuse.hold_messages = 2;
	chooser = open_chooser(REUSE_LIMITED_TIME);
	for (size_t i = 2; i <= CHOOSING_SIZE; i++)
		remove_member(i);
	for (size_t i = 0; i < 20; i++)
		cr_expect_eq(choose(chooser), 1);
}

Test(choose_signer, draws_a_member_at_random_for_a_time)
{
	CLEANUP(free_chooser) struct chooser *chooser = NULL;
	int64_t now_s = choosing.fixture.now_s;
	bool changed = false;
	size_t last = 0;

	choosing.client->pool.reuse.hold_s = 300;
	chooser = open_chooser(REUSE_RANDOM);
	for (size_t i = 0; i < 20; i++, now_s += 300) {
		CLEANUP(free_chooser) struct chooser *other = open_chooser(REUSE_RANDOM);
		size_t member = choose_at(chooser, "client2", now_s);

		changed = changed || (i > 0 && member != last);
		last = member;

		cr_expect_eq(choose_at(chooser, "client3", now_s + 299), member);
		cr_expect_eq(choose_at(other, "client2", now_s + 150), member);
	}
	cr_expect(changed);
}

Test(choose_signer, rotates_over_all_processes_that_send_from_the_pool)
{
	size_t counts[CHOOSING_SIZE + 1] = {0};

	for (size_t i = 0; i < 3 * CHOOSING_SIZE; i++) {
		CLEANUP(free_chooser) struct chooser *chooser = open_chooser(REUSE_ROTATING_BATCH);

		expect_messages(chooser, 1);
		counts[choose(chooser)]++;
	}
	for (size_t i = 1; i <= CHOOSING_SIZE; i++)
		cr_expect_eq(counts[i], 3, "member %zu: %zu times", i, counts[i]);
}

/* What threads of one process choose by one chooser, for two peers. */
static struct {
	struct chooser *chooser;
	pthread_mutex_t lock;
	size_t counts[2][CHOOSING_SIZE + 1];
} threads = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* A task_function. */
static int choose_in_thread(size_t index, void *context, struct fault *fault)
{
	CLEANUP(release_signer) struct signer *signer = NULL;
	size_t peer = index % 2;

	(void)context;
	if (choose_signer(threads.chooser, peer == 0 ? "client2" : "client3",
			  choosing.fixture.now_s, &signer, fault) < 0)
		return -1;
	pthread_mutex_lock(&threads.lock);
	threads.counts[peer][signer->member.index]++;
	pthread_mutex_unlock(&threads.lock);
	return 0;
}

/* How many members signed for the peer. */
static size_t count_signers(size_t peer)
{
	size_t count = 0;

	for (size_t i = 1; i <= CHOOSING_SIZE; i++)
		count += threads.counts[peer][i] > 0 ? 1 : 0;
	return count;
}

static void choose_in_threads(enum reuse method)
{
	enum { THREADS = 8, ROUNDS = 40 };
	CLEANUP(free_chooser) struct chooser *chooser = open_chooser(method);

	memset(threads.counts, 0, sizeof(threads.counts));
	threads.chooser = chooser;
	expect_messages(chooser, (size_t)ROUNDS * CHOOSING_SIZE);
	OK(run_tasks((size_t)ROUNDS * CHOOSING_SIZE, THREADS, choose_in_thread, NULL, &fault));
	if (method != REUSE_ROTATING_BATCH)
		return;
	for (size_t i = 1; i <= CHOOSING_SIZE; i++)
		cr_expect_eq(threads.counts[0][i] + threads.counts[1][i], (size_t)ROUNDS,
			     "member %zu", i);
}

Test(choose_signer, keeps_what_each_method_promises_with_several_threads)
{
	choose_in_threads(REUSE_RANDOM);
	choose_in_threads(REUSE_ROTATING_BATCH);
	choose_in_threads(REUSE_LIMITED_TIME);
	cr_expect_eq(count_signers(0), 1);
	cr_expect_arr_eq(threads.counts[0], threads.counts[1], sizeof(threads.counts[0]));
	choose_in_threads(REUSE_PER_RELYING_PARTY);
	cr_expect_eq(count_signers(0), 1);
	cr_expect_eq(count_signers(1), 1);
	cr_expect_arr_neq(threads.counts[0], threads.counts[1], sizeof(threads.counts[0]));
}

Test(choose_signer, loses_at_most_the_members_under_way_to_a_kill)
{
	size_t counts[CHOOSING_SIZE + 1] = {0};
	size_t lost = 0;
	pid_t child = fork();
	CLEANUP(free_chooser) struct chooser *chooser = NULL;
	int status;

	cr_assert_geq(child, 0);
	if (child == 0) {
		CLEANUP(release_signer) struct signer *signer = NULL;
		struct fault fault = {0};
		struct chooser *own = NULL;

		choosing.client->pool.reuse.method = REUSE_ROTATING_BATCH;
		if (new_chooser(choosing.fixture.layouts[0], choosing.client, choosing.cache, &own,
				&fault) < 0)
			_exit(99);
		expect_messages(own, 1000);
		if (choose_signer(own, "client2", choosing.fixture.now_s, &signer, &fault) < 0)
			_exit(99);
		_exit((int)signer->member.index);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) <= CHOOSING_SIZE);
	counts[WEXITSTATUS(status)]++;
	chooser = open_chooser(REUSE_ROTATING_BATCH);
	for (size_t i = 0; i < CHOOSING_SIZE - UNDER_WAY_MAX; i++)
		counts[choose(chooser)]++;
	for (size_t i = 1; i <= CHOOSING_SIZE; i++) {
		cr_expect_leq(counts[i], 1, "member %zu: %zu times", i, counts[i]);
		lost += counts[i] == 0 ? 1 : 0;
	}
	cr_expect_eq(lost, UNDER_WAY_MAX - 1);
}

Test(choose_signer, passes_over_members_of_an_order_that_cannot_sign)
{
	CLEANUP(free_chooser) struct chooser *chooser = NULL;

	choosing.client->pool.reuse.hold_messages = 2;
	chooser = open_chooser(REUSE_ROTATING_BATCH);
	expect_messages(chooser, 1000);
	remove_member(2);
	remove_member(5);
	for (size_t round = 0; round < 10; round++) {
		size_t counts[CHOOSING_SIZE + 1] = {0};

		for (size_t i = 0; i < 2 * (CHOOSING_SIZE - 2); i++)
			counts[choose(chooser)]++;
		for (size_t i = 1; i <= CHOOSING_SIZE; i++)
			cr_expect_eq(counts[i], i == 2 || i == 5 ? 0 : 2, "member %zu: %zu times",
				     i, counts[i]);
	}
}

Test(choose_signer, says_when_no_member_can_sign)
{
	static const enum reuse methods[] = {REUSE_RANDOM, REUSE_LIMITED_TIME, REUSE_ROTATING_BATCH,
					     REUSE_PER_RELYING_PARTY};

	for (size_t i = 1; i <= CHOOSING_SIZE; i++)
		remove_member(i);
	for (size_t i = 0; i < COUNT_OF(methods); i++) {
		CLEANUP(free_chooser) struct chooser *chooser = open_chooser(methods[i]);
		CLEANUP(release_signer) struct signer *signer = NULL;

		REFUSED(choose_signer(chooser, "client2", choosing.fixture.now_s, &signer, &fault),
			FAULT_NOT_FOUND, "none of the pool's 6 members can sign");
		cr_expect_null(signer);
	}
}

Test(choose_signer, begins_a_new_order_from_a_copy_of_the_state)
{
	CLEANUP(free_chooser) struct chooser *chooser = open_chooser(REUSE_ROTATING_BATCH);
	CLEANUP(clear_buffer) struct buffer old = {0};
	CLEANUP(clear_pool_state) struct pool_state before = {0};
	CLEANUP(clear_pool_state) struct pool_state after = {0};

	(void)choose(chooser);
	old = get_file(choosing.fixture.layouts[0]->state, POOL_STATE_FILE);
	OK(read_pool_state(choosing.fixture.layouts[0], "client1", &before, &fault));
	cr_expect_not(before.copied);
	(void)choose(chooser);
	restore_state(&old);
	(void)choose(chooser);
	OK(read_pool_state(choosing.fixture.layouts[0], "client1", &after, &fault));
	cr_expect_neq(memcmp(before.order.seed, after.order.seed, SEED_LEN), 0);
	cr_expect_eq(after.order.position, 1);
	cr_expect_not(after.copied);
}

/* The file that keep writes is no copy any more. */
Test(choose_signer, begins_a_new_order_from_a_copy_that_keep_has_written_to)
{
	CLEANUP(free_chooser) struct chooser *chooser = open_chooser(REUSE_ROTATING_BATCH);
	CLEANUP(free_chooser) struct chooser *next = NULL;
	CLEANUP(clear_buffer) struct buffer old = {0};
	CLEANUP(clear_pool_state) struct pool_state before = {0};
	CLEANUP(clear_pool_state) struct pool_state after = {0};
	const struct layout *layout = choosing.fixture.layouts[0];
	struct fault failure = {.class = FAULT_UNREACHABLE, .text = "no answer"};

	(void)choose(chooser);
	OK(read_pool_state(layout, "client1", &before, &fault));
	old = get_file(layout->state, POOL_STATE_FILE);
	(void)choose(chooser);
	restore_state(&old);
	OK(note_fill_up(layout, "client1", choosing.fixture.now_s, &failure, &fault));
	next = open_chooser(REUSE_ROTATING_BATCH);
	(void)choose(next);
	OK(read_pool_state(layout, "client1", &after, &fault));
	cr_expect_neq(memcmp(before.order.seed, after.order.seed, SEED_LEN), 0);
	cr_expect_eq(after.failures, 1);
}

Test(choose_signer, begins_a_new_order_after_a_restart_of_the_machine)
{
	CLEANUP(free_chooser) struct chooser *chooser = open_chooser(REUSE_ROTATING_BATCH);
	CLEANUP(close_descriptor) int file = -1;
	struct pool_order before;
	struct pool_order after;

	(void)choose(chooser);
	OK(open_pool_order(choosing.fixture.layouts[0], &file, &fault));
	OK(read_pool_order(file, &before, &fault));
	before.boot[0] = before.boot[0] == '0' ? '1' : '0';
	OK(write_pool_order(file, &before, &fault));
	(void)choose(chooser);
	OK(read_pool_order(file, &after, &fault));
	cr_expect_neq(memcmp(before.seed, after.seed, SEED_LEN), 0);
	cr_expect_eq(after.position, 1);
}

Test(choose_signer, holds_a_member_for_its_time_and_then_takes_another)
{
	CLEANUP(free_chooser) struct chooser *chooser = NULL;
	int64_t now_s = choosing.fixture.now_s;
	size_t last = 0;

	choosing.client->pool.reuse.hold_s = 300;
	chooser = open_chooser(REUSE_LIMITED_TIME);
	for (size_t i = 0; i < 10; i++, now_s += 300) {
		CLEANUP(free_chooser) struct chooser *other = open_chooser(REUSE_LIMITED_TIME);
		size_t member = choose_at(chooser, "client2", now_s);

		cr_expect_neq(member, last);
		cr_expect_eq(choose_at(chooser, "client3", now_s + 299), member);
		cr_expect_eq(choose_at(other, "client2", now_s + 150), member);
		last = member;
	}
}

/* A clock that goes back by less than the hold changes nothing; by more, it ends the hold. */
Test(choose_signer, ends_a_hold_that_the_clock_puts_far_into_the_future)
{
	CLEANUP(free_chooser) struct chooser *chooser = NULL;
	size_t member;

	choosing.client->pool.reuse.hold_s = 100;
	chooser = open_chooser(REUSE_LIMITED_TIME);
	member = choose_at(chooser, "client2", choosing.fixture.now_s);
	cr_expect_eq(choose_at(chooser, "client2", choosing.fixture.now_s - 99), member);
	cr_expect_neq(choose_at(chooser, "client2", choosing.fixture.now_s - 100), member);
}

Test(choose_signer, takes_another_when_the_member_of_a_time_cannot_sign_any_more)
{
	CLEANUP(free_chooser) struct chooser *chooser = open_chooser(REUSE_LIMITED_TIME);
	size_t member = choose(chooser);
	size_t other;

	for (size_t i = 0; i < 20; i++)
		cr_expect_eq(choose(chooser), member);
	remove_member(member);
	other = choose(chooser);
	cr_expect_neq(other, member);
	cr_expect_eq(choose(chooser), other);
}

Test(choose_signer, rotates_by_time)
{
	CLEANUP(free_chooser) struct chooser *chooser = NULL;
	size_t counts[CHOOSING_SIZE + 1] = {0};

	choosing.client->pool.reuse.hold_s = 60;
	for (size_t i = 0; i < CHOOSING_SIZE; i++) {
		free_chooser(&chooser);
		chooser = open_chooser(REUSE_ROTATING_BATCH);
		counts[choose_at(chooser, "client2", choosing.fixture.now_s + (int64_t)i * 60)]++;
		(void)choose_at(chooser, "client2", choosing.fixture.now_s + (int64_t)i * 60 + 59);
	}
	expect_each_once(counts);
}

Test(choose_signer, shows_a_receiver_the_same_member_and_another_to_another)
{
	size_t members[CHOOSING_SIZE];
	size_t counts[CHOOSING_SIZE + 1] = {0};
	CLEANUP(free_chooser) struct chooser *chooser = open_chooser(REUSE_PER_RELYING_PARTY);
	CLEANUP(release_signer) struct signer *signer = NULL;
	char peer[16];

	for (size_t i = 0; i < CHOOSING_SIZE; i++) {
		(void)snprintf(peer, sizeof(peer), "peer%zu", i);
		members[i] = choose_at(chooser, peer, choosing.fixture.now_s);
		counts[members[i]]++;
	}
	expect_each_once(counts);
	free_chooser(&chooser);
	chooser = open_chooser(REUSE_PER_RELYING_PARTY);
	for (size_t i = 0; i < CHOOSING_SIZE; i++) {
		(void)snprintf(peer, sizeof(peer), "peer%zu", i);
		cr_expect_eq(choose_at(chooser, peer, choosing.fixture.now_s), members[i]);
	}
	REFUSED(choose_signer(chooser, "late", choosing.fixture.now_s, &signer, &fault),
		FAULT_NOT_FOUND,
		"no member is left for late: the pool of client1 has 6 members, and 6 of them are "
		"those of other receivers: raise the pool's size, and run certpool keep client1");
}

/* The member that a receiver has seen stays its own, even when it cannot sign any more. */
Test(choose_signer, never_gives_the_member_of_a_receiver_to_another)
{
	CLEANUP(free_chooser) struct chooser *chooser = open_chooser(REUSE_PER_RELYING_PARTY);
	size_t first = choose_at(chooser, "a", choosing.fixture.now_s);
	size_t second;

	remove_member(first);
	second = choose_at(chooser, "a", choosing.fixture.now_s);
	cr_expect_neq(second, first);
	certify_member(&choosing.fixture, 0, first, choosing.fixture.now_s - 300,
		       choosing.fixture.now_s + 7200);
	for (size_t i = 0; i < CHOOSING_SIZE - 2; i++) {
		char peer[16];
		size_t member;

		(void)snprintf(peer, sizeof(peer), "peer%zu", i);
		member = choose_at(chooser, peer, choosing.fixture.now_s);
		cr_expect(member != first && member != second);
	}
	cr_expect_eq(choose_at(chooser, "a", choosing.fixture.now_s), second);
}
