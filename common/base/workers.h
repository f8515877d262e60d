#ifndef CERTPOOL_BASE_WORKERS_H
#define CERTPOOL_BASE_WORKERS_H

#include "common/base/fault.h"

#include <stddef.h>

/* How many processors this process may run on, at least 1. */
unsigned int count_cores(void);

/* One piece of work: the index'th. 0, or -1 with a fault. */
typedef int task_function(size_t index, void *context, struct fault *fault);

/*
 * Runs task for 0 … count-1 on `workers` threads (the caller's among them) and waits for all.
 * Indices are taken in order. After a failure no further index is begun; the fault of the lowest
 * index that failed is reported. workers is at least 1.
 */
int run_tasks(size_t count, unsigned int workers, task_function *task, void *context,
	      struct fault *fault) MUST_CHECK;

/* Threads that do work handed to them, in order of arrival, with a bound on what may wait. */
struct work_queue;

typedef void work_function(void *context);

int new_work_queue(unsigned int workers, size_t most_pending, struct work_queue **ret_queue,
		   struct fault *fault) MUST_CHECK;

/* Hands work over. -1 with FAULT_BUSY when most_pending pieces already wait. */
int submit_work(struct work_queue *queue, work_function *work, void *context,
		struct fault *fault) MUST_CHECK;

/* Finishes what was submitted, then ends the threads. */
void free_work_queue(struct work_queue **queue);

#endif
