#include "common/base/workers.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>

enum { TASKS = 1000 };

struct tasks {
	atomic_uint done[TASKS];
	atomic_size_t begun;
	size_t fails_from; /* tasks of this index and above fail */
};

static int do_task(size_t index, void *context, struct fault *fault)
{
	struct tasks *tasks = context;

	atomic_fetch_add(&tasks->begun, 1);
	if (index >= tasks->fails_from)
		return set_fault(fault, FAULT_REFUSED, "task %zu", index);
	atomic_fetch_add(&tasks->done[index], 1);
	return 0;
}

Test(workers, do_each_task_once)
{
	static const unsigned int workers[] = {1, 2, 7, 64};

	for (size_t i = 0; i < COUNT_OF(workers); i++) {
		struct tasks tasks = {.fails_from = SIZE_MAX};

		OK(run_tasks(TASKS, workers[i], do_task, &tasks, &fault));
		for (size_t j = 0; j < TASKS; j++)
			cr_assert_eq(atomic_load(&tasks.done[j]), 1);
	}
}

Test(workers, do_nothing_when_there_is_nothing)
{
	struct tasks tasks = {.fails_from = 0};

	cr_expect_eq(run_tasks(0, 4, do_task, &tasks, NULL), 0);
	cr_expect_eq(atomic_load(&tasks.begun), 0);
}

Test(workers, stop_after_a_failure_and_report_the_lowest)
{
	static const unsigned int workers[] = {1, 2, 8};

	for (size_t i = 0; i < COUNT_OF(workers); i++) {
		struct tasks tasks = {.fails_from = 500};

		REFUSED_AS(run_tasks(TASKS, workers[i], do_task, &tasks, &fault), FAULT_REFUSED,
			   "task 500");
		cr_expect_leq(atomic_load(&tasks.begun), 500 + workers[i]);
		for (size_t j = 0; j < 500; j++)
			cr_assert_eq(atomic_load(&tasks.done[j]), 1);
	}
}

Test(workers, count_at_least_one_core)
{
	cr_expect_geq(count_cores(), 1);
}

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

/* catalogue 91 */
Test(workers, refuse_more_than_may_wait)
{
	struct work_queue *queue = NULL;
	struct gate gate;

	init_gate(&gate);
	OK(new_work_queue(1, 2, &queue, &fault));
	OK(submit_work(queue, pass, &gate, &fault));
	cr_assert_eq(sem_wait(&gate.entered), 0);
	OK(submit_work(queue, pass, &gate, &fault));
	OK(submit_work(queue, pass, &gate, &fault));
	REFUSED_AS(submit_work(queue, pass, &gate, &fault), FAULT_BUSY,
		   "2 requests already wait: try again later");
	for (int i = 0; i < 3; i++)
		cr_assert_eq(sem_post(&gate.open), 0);
	free_work_queue(&queue);
	cr_expect_null(queue);
	cr_expect_eq(atomic_load(&gate.passed), 3, "what was submitted was not finished");
}

Test(workers, take_no_work_when_none_may_wait)
{
	struct work_queue *queue = NULL;
	struct gate gate;

	init_gate(&gate);
	OK(new_work_queue(1, 0, &queue, &fault));
	REFUSED(submit_work(queue, pass, &gate, &fault), FAULT_BUSY, NULL);
	free_work_queue(&queue);
	free_work_queue(&queue);
	cr_expect_eq(atomic_load(&gate.passed), 0);
}

struct order {
	pthread_mutex_t lock;
	unsigned int next;
	unsigned int wrong;
};

struct numbered {
	struct order *order;
	unsigned int number;
};

static void note(void *context)
{
	struct numbered *numbered = context;

	pthread_mutex_lock(&numbered->order->lock);
	numbered->order->wrong += numbered->order->next != numbered->number;
	numbered->order->next++;
	pthread_mutex_unlock(&numbered->order->lock);
}

Test(workers, begin_work_in_order_of_arrival)
{
	struct order order = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct numbered numbered[100];
	struct work_queue *queue = NULL;

	OK(new_work_queue(1, COUNT_OF(numbered), &queue, &fault));
	for (unsigned int i = 0; i < COUNT_OF(numbered); i++) {
		numbered[i] = (struct numbered){&order, i};
		OK(submit_work(queue, note, &numbered[i], &fault));
	}
	free_work_queue(&queue);
	cr_expect_eq(order.next, COUNT_OF(numbered));
	cr_expect_eq(order.wrong, 0);
}
