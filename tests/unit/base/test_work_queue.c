#include "common/base/work_queue.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* Work that waits until the test opens the gate. */
struct gate {
	sem_t entered;
	sem_t open;
	atomic_uint passed;
};

static void pass(void *context)
{
	struct gate *gate = context;

	(void)sem_post(&gate->entered);
	while (sem_wait(&gate->open) != 0)
		continue;
	atomic_fetch_add(&gate->passed, 1);
}

static void init_gate(struct gate *gate)
{
	cr_assert_eq(sem_init(&gate->entered, 0, 0), 0);
	cr_assert_eq(sem_init(&gate->open, 0, 0), 0);
	atomic_init(&gate->passed, 0);
}

static void submit(struct work_queue *queue, work_function *function, void *context,
		   const char *owner, size_t cost)
{
	struct work work = {.function = function, .context = context, .cost = cost};

	(void)snprintf(work.owner, sizeof(work.owner), "%s", owner);
	OK(submit_work(queue, &work, &fault));
}

/* catalogue 91 */
Test(work_queue, refuses_more_than_may_wait)
{
	const struct work_queue_limits limits = {.workers = 1, .most = 3, .most_of_owner = 2};
	struct work_queue *queue = NULL;
	struct gate gate;

	init_gate(&gate);
	OK(new_work_queue(&limits, &queue, &fault));
	submit(queue, pass, &gate, "a", 1);
	cr_assert_eq(sem_wait(&gate.entered), 0);
	submit(queue, pass, &gate, "a", 1);
	submit(queue, pass, &gate, "a", 1);
	REFUSED_AS(submit_work(queue, &(struct work){pass, &gate, "a", 1, false}, &fault),
		   FAULT_BUSY, "2 requests of this client already wait: try again later");
	OK(submit_work(queue, &(struct work){pass, &gate, "a", 1, true}, &fault));
	REFUSED_AS(submit_work(queue, &(struct work){pass, &gate, "c", 1, false}, &fault),
		   FAULT_BUSY, "3 requests already wait: try again later");
	for (int i = 0; i < 4; i++)
		cr_assert_eq(sem_post(&gate.open), 0);
	free_work_queue(&queue);
	cr_expect_null(queue);
	cr_expect_eq(atomic_load(&gate.passed), 4, "what was submitted was not finished");
}

Test(work_queue, takes_no_work_when_none_may_wait)
{
	const struct work_queue_limits limits = {.workers = 1};
	struct work_queue *queue = NULL;
	struct gate gate;

	init_gate(&gate);
	OK(new_work_queue(&limits, &queue, &fault));
	REFUSED(submit_work(queue, &(struct work){pass, &gate, "a", 1, false}, &fault), FAULT_BUSY,
		NULL);
	free_work_queue(&queue);
	free_work_queue(&queue);
	cr_expect_eq(atomic_load(&gate.passed), 0);
}

/* What ran, in this order: a letter a piece of work. */
struct order {
	pthread_mutex_t lock;
	char letters[256];
	size_t count;
};

struct letter {
	struct order *order;
	char letter;
};

static void note(void *context)
{
	const struct letter *letter = context;

	pthread_mutex_lock(&letter->order->lock);
	letter->order->letters[letter->order->count++] = letter->letter;
	pthread_mutex_unlock(&letter->order->lock);
}

/* catalogue 114: submits a piece of work for each letter, of the owner that is the letter, while
   the only worker is busy; the order in which they run. A capital costs 100, another letter 1. */
static void expect_order(const char *submitted, const char *expected)
{
	const struct work_queue_limits limits = {.workers = 1, .most = 1000, .most_of_owner = 1000};
	struct order order = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct letter letters[128];
	struct work_queue *queue = NULL;
	struct gate gate;

	init_gate(&gate);
	OK(new_work_queue(&limits, &queue, &fault));
	submit(queue, pass, &gate, "first", 1);
	cr_assert_eq(sem_wait(&gate.entered), 0);
	for (size_t i = 0; submitted[i] != '\0'; i++) {
		const char owner[] = {submitted[i], '\0'};

		letters[i] = (struct letter){&order, submitted[i]};
		submit(queue, note, &letters[i], owner, submitted[i] <= 'Z' ? 100 : 1);
	}
	cr_assert_eq(sem_post(&gate.open), 0);
	free_work_queue(&queue);
	cr_expect_str_eq(order.letters, expected, "%s ran as %s", submitted, order.letters);
}

Test(work_queue, gives_each_owner_a_turn)
{
	static const struct {
		const char *submitted;
		const char *expected;
	} rows[] = {
		{"aaa", "aaa"},
		{"aaaabb", "ababaa"},
		{"aaaaaabc", "abcaaaaa"},
		{"AAABBBCCC", "ABCABCABC"},
		/* who asks for little is next, however many ask for much */
		{"AAAABBBBCCCCx", "xABCABCABCABC"},
		{"AAAxxx", "xxxAAA"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_order(rows[i].submitted, rows[i].expected);
}

/* An owner that comes back does not make up for the time in which it asked for nothing. */
Test(work_queue, keeps_no_credit_for_the_idle)
{
	const struct work_queue_limits limits = {.workers = 1, .most = 1000, .most_of_owner = 1000};
	struct order order = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct letter a = {&order, 'a'};
	struct letter b = {&order, 'b'};
	struct work_queue *queue = NULL;
	struct gate gate;

	init_gate(&gate);
	OK(new_work_queue(&limits, &queue, &fault));
	for (int i = 0; i < 100; i++) {
		submit(queue, pass, &gate, "a", 100);
		cr_assert_eq(sem_wait(&gate.entered), 0);
		if (i < 99)
			cr_assert_eq(sem_post(&gate.open), 0);
	}
	for (int i = 0; i < 4; i++) {
		submit(queue, note, &a, "a", 100);
		submit(queue, note, &b, "b", 100);
	}
	cr_assert_eq(sem_post(&gate.open), 0);
	free_work_queue(&queue);
	cr_expect_str_eq(order.letters, "babababa", "ran as %s", order.letters);
}

/* More owners than accounts: the oldest are forgotten, and nobody is refused. */
Test(work_queue, takes_work_of_any_number_of_owners)
{
	const struct work_queue_limits limits = {.workers = 2, .most = 4, .most_of_owner = 4};
	struct work_queue *queue = NULL;
	struct gate gate;

	init_gate(&gate);
	OK(new_work_queue(&limits, &queue, &fault));
	for (unsigned int i = 0; i < 2000; i++) {
		char owner[16];

		(void)snprintf(owner, sizeof(owner), "%u", i);
		cr_assert_eq(sem_post(&gate.open), 0);
		submit(queue, pass, &gate, owner, 1 + i % 7);
		cr_assert_eq(sem_wait(&gate.entered), 0);
	}
	free_work_queue(&queue);
	cr_expect_eq(atomic_load(&gate.passed), 2000);
}
