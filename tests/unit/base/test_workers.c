#include "common/base/workers.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

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

enum { CALLERS = JOINT_WORK_MAX + 9 };

/* Work that begins with one caller, and goes on when all the others wait. */
struct joint_scene {
	struct joint_work work;
	bool early; /* parts are taken before others wait */
	size_t runs;
	size_t parts[CALLERS]; /* of each run */
	unsigned int done[CALLERS];
};

static size_t count_waiting(struct joint_work *work)
{
	size_t waiting;

	pthread_mutex_lock(&work->lock);
	waiting = work->waiting;
	pthread_mutex_unlock(&work->lock);
	return waiting;
}

static void do_parts(void *context, struct joint_work *work)
{
	struct joint_scene *scene = context;
	void *parts[JOINT_WORK_MAX];
	size_t count = scene->early ? take_parts(work, parts) : 0;

	while (scene->runs == 0 && count_waiting(work) < CALLERS - count)
		(void)usleep(1000);
	if (!scene->early)
		count = take_parts(work, parts);
	scene->parts[scene->runs++] = count;
	for (size_t i = 0; i < count; i++)
		++*(unsigned int *)parts[i];
}

struct joint_thread {
	pthread_t thread;
	struct joint_scene *scene;
	unsigned int *part;
};

static void *call(void *argument)
{
	struct joint_thread *caller = argument;

	work_jointly(&caller->scene->work, do_parts, caller->scene, caller->part);
	return NULL;
}

static void run_callers(struct joint_scene *scene)
{
	struct joint_thread callers[CALLERS];

	init_joint_work(&scene->work);
	for (size_t i = 0; i < CALLERS; i++) {
		callers[i] = (struct joint_thread){.scene = scene, .part = &scene->done[i]};
		cr_assert_eq(pthread_create(&callers[i].thread, NULL, call, &callers[i]), 0);
	}
	for (size_t i = 0; i < CALLERS; i++)
		cr_assert_eq(pthread_join(callers[i].thread, NULL), 0);
	for (size_t i = 0; i < CALLERS; i++)
		cr_expect_eq(scene->done[i], 1);
	destroy_joint_work(&scene->work);
}

Test(workers, do_together_what_waits_for_work_under_way)
{
	struct joint_scene scene = {.early = true};

	run_callers(&scene);
	cr_expect_eq(scene.runs, 3);
	cr_expect_eq(scene.parts[0], 1, "nobody waits for others to come");
	cr_expect_eq(scene.parts[1], JOINT_WORK_MAX);
	cr_expect_eq(scene.parts[2], CALLERS - 1 - JOINT_WORK_MAX);
}

Test(workers, do_together_what_came_until_the_parts_were_taken)
{
	struct joint_scene scene = {.early = false};

	run_callers(&scene);
	cr_expect_eq(scene.runs, 2);
	cr_expect_eq(scene.parts[0], JOINT_WORK_MAX);
	cr_expect_eq(scene.parts[1], CALLERS - JOINT_WORK_MAX);
}

struct gathered {
	struct joint_work work;
	size_t runs;
	size_t parts;
};

static void count_parts(void *context, struct joint_work *work)
{
	struct gathered *gathered = context;
	void *parts[JOINT_WORK_MAX];

	gathered->runs++;
	gathered->parts += take_parts(work, parts);
}

enum { ENOUGH = 5 };

static void *gather(void *argument)
{
	static const struct gathering gathering = {.wait_ms = 600000, .enough = ENOUGH};
	struct gathered *gathered = argument;

	gather_jointly(&gathered->work, &gathering, count_parts, gathered, NULL);
	return NULL;
}

Test(workers, wait_for_each_other_until_enough_have_come)
{
	const struct gathering alone = {.wait_ms = 1, .enough = ENOUGH};
	struct gathered gathered = {.runs = 0};
	pthread_t threads[ENOUGH];

	init_joint_work(&gathered.work);
	for (size_t i = 0; i < ENOUGH; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, gather, &gathered), 0);
	for (size_t i = 0; i < ENOUGH; i++)
		cr_assert_eq(pthread_join(threads[i], NULL), 0);
	cr_expect_eq(gathered.runs, 1);
	cr_expect_eq(gathered.parts, ENOUGH);
	gather_jointly(&gathered.work, &alone, count_parts, &gathered, NULL);
	cr_expect_eq(gathered.runs, 2);
	cr_expect_eq(gathered.parts, ENOUGH + 1, "nobody waits for ever");
	destroy_joint_work(&gathered.work);
}

/* Counts the runs, and the parts of the last one. */
static void note_parts(void *context, struct joint_work *work)
{
	struct joint_scene *scene = context;
	void *parts[JOINT_WORK_MAX];

	scene->parts[0] = take_parts(work, parts);
	scene->runs++;
}

Test(workers, do_the_work_though_a_caller_that_is_expected_never_comes)
{
	struct joint_scene scene = {.runs = 0};

	init_joint_work(&scene.work);
	expect_caller(&scene.work);
	expect_caller(&scene.work);
	work_jointly(&scene.work, note_parts, &scene, NULL);
	cr_expect_eq(scene.runs, 1);
	cr_expect_eq(scene.parts[0], 1);
	dismiss_caller(&scene.work);
	dismiss_caller(&scene.work);
	destroy_joint_work(&scene.work);
}

static void *be_dismissed(void *argument)
{
	struct joint_thread *caller = argument;

	expect_caller(&caller->scene->work);
	work_jointly(&caller->scene->work, note_parts, caller->scene, caller->part);
	dismiss_caller(&caller->scene->work);
	return NULL;
}

Test(workers, expect_nobody_once_all_are_dismissed)
{
	struct joint_scene scene = {.runs = 0};
	struct joint_thread callers[CALLERS];

	init_joint_work(&scene.work);
	for (size_t i = 0; i < CALLERS; i++) {
		callers[i] = (struct joint_thread){.scene = &scene};
		cr_assert_eq(pthread_create(&callers[i].thread, NULL, be_dismissed, &callers[i]),
			     0);
	}
	for (size_t i = 0; i < CALLERS; i++)
		cr_assert_eq(pthread_join(callers[i].thread, NULL), 0);
	cr_expect_geq(scene.runs, 1);
	cr_expect_leq(scene.runs, CALLERS);
	cr_expect_eq(scene.work.expected, 0);
	cr_expect_eq(scene.work.waiting, 0);
	destroy_joint_work(&scene.work);
}
