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

struct pending_work {
	work_function *function;
	void *context;
};

struct work_queue {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct pending_work *ring;
	size_t size;
	size_t first;
	size_t pending;
	bool closing;
	unsigned int worker_count;
	pthread_t workers[];
};

static void *work_thread(void *argument)
{
	struct work_queue *queue = argument;

	pthread_mutex_lock(&queue->lock);
	for (;;) {
		struct pending_work work;

		while (queue->pending == 0 && !queue->closing)
			pthread_cond_wait(&queue->changed, &queue->lock);
		if (queue->pending == 0)
			break;
		work = queue->ring[queue->first];
		queue->first = (queue->first + 1) % queue->size;
		queue->pending--;
		pthread_mutex_unlock(&queue->lock);
		work.function(work.context);
		pthread_mutex_lock(&queue->lock);
	}
	pthread_mutex_unlock(&queue->lock);
	return NULL;
}

int new_work_queue(unsigned int workers, size_t most_pending, struct work_queue **ret_queue,
		   struct fault *fault)
{
	struct work_queue *queue = calloc(1, sizeof(*queue) + workers * sizeof(queue->workers[0]));

	if (queue == NULL)
		return set_memory_fault(fault);
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->changed, NULL);
	queue->size = most_pending;
	queue->ring = calloc(most_pending, sizeof(*queue->ring));
	while (queue->ring != NULL && queue->worker_count < workers &&
	       pthread_create(&queue->workers[queue->worker_count], NULL, work_thread, queue) == 0)
		queue->worker_count++;
	if (queue->worker_count == 0) {
		free_work_queue(&queue);
		return set_fault(fault, FAULT_FAILED, "no worker thread can be started");
	}
	*ret_queue = queue;
	return 0;
}

int submit_work(struct work_queue *queue, work_function *work, void *context, struct fault *fault)
{
	bool full;

	pthread_mutex_lock(&queue->lock);
	full = queue->closing || queue->pending == queue->size;
	if (!full) {
		queue->ring[(queue->first + queue->pending) % queue->size] =
			(struct pending_work){work, context};
		queue->pending++;
		pthread_cond_signal(&queue->changed);
	}
	pthread_mutex_unlock(&queue->lock);
	return full ? set_fault(fault, FAULT_BUSY, "%zu requests already wait: try again later",
				queue->size)
		    : 0;
}

void free_work_queue(struct work_queue **queue_pointer)
{
	struct work_queue *queue = TAKE(*queue_pointer);

	if (queue == NULL)
		return;
	pthread_mutex_lock(&queue->lock);
	queue->closing = true;
	pthread_cond_broadcast(&queue->changed);
	pthread_mutex_unlock(&queue->lock);
	for (unsigned int i = 0; i < queue->worker_count; i++)
		(void)pthread_join(queue->workers[i], NULL);
	pthread_cond_destroy(&queue->changed);
	pthread_mutex_destroy(&queue->lock);
	free(queue->ring);
	free(queue);
}
