#include "common/base/workers.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
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
