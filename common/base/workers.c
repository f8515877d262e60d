#include "common/base/workers.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

unsigned int count_cores(void)
{
	cpu_set_t set;
	int count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return count > 0 ? (unsigned int)count : 1;
}

/* Shared by the threads of one run_tasks. */
struct task_run {
	pthread_mutex_t lock;
	size_t next;
	size_t count;
	task_function *task;
	void *context;
	size_t failed_index; /* the lowest; SIZE_MAX: none failed */
	struct fault fault;
};

static bool take_index(struct task_run *run, size_t *ret_index)
{
	bool taken;

	pthread_mutex_lock(&run->lock);
	taken = run->failed_index == SIZE_MAX && run->next < run->count;
	if (taken)
		*ret_index = run->next++;
	pthread_mutex_unlock(&run->lock);
	return taken;
}

static void record_failure(struct task_run *run, size_t index, const struct fault *fault)
{
	pthread_mutex_lock(&run->lock);
	if (index < run->failed_index) {
		run->failed_index = index;
		run->fault = *fault;
	}
	pthread_mutex_unlock(&run->lock);
}

static void *run_thread(void *argument)
{
	struct task_run *run = argument;
	size_t index;

	while (take_index(run, &index)) {
		struct fault fault = {0};

		if (run->task(index, run->context, &fault) < 0)
			record_failure(run, index, &fault);
	}
	return NULL;
}

int run_tasks(size_t count, unsigned int workers, task_function *task, void *context,
	      struct fault *fault)
{
	struct task_run run = {.lock = PTHREAD_MUTEX_INITIALIZER,
			       .count = count,
			       .task = task,
			       .context = context,
			       .failed_index = SIZE_MAX};
	unsigned int extra = workers > count ? (unsigned int)count : workers;
	pthread_t *threads = calloc(extra > 1 ? extra : 1, sizeof(*threads));
	unsigned int started = 0;

	if (threads == NULL)
		return set_memory_fault(fault);
	/* The caller's thread works too, so that the tasks run even if no other can be started. */
	while (started + 1 < extra &&
	       pthread_create(&threads[started], NULL, run_thread, &run) == 0)
		started++;
	(void)run_thread(&run);
	for (unsigned int i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
	free(threads);
	pthread_mutex_destroy(&run.lock);
	if (run.failed_index == SIZE_MAX)
		return 0;
	return pass_fault(&run.fault, fault);
}
