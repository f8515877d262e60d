#ifndef CERTPOOL_BASE_WORKERS_H
#define CERTPOOL_BASE_WORKERS_H

#include "common/base/fault.h"

#include <stddef.h>

/* The number of processors on which this process may run, at least 1. */
unsigned int count_cores(void);

/* Does one of the tasks. 0, or -1 with a fault. Runs in several threads at once. */
typedef int task_function(size_t index, void *context, struct fault *fault);

/*
 * Runs the task for 0 … count-1 on `workers` threads, at least 1, the caller's among them, and
 * waits for all. Indices are started in order. After a failure no further index is started; the
 * fault of the lowest failed index is reported.
 */
int run_tasks(size_t count, unsigned int workers, task_function *task, void *context,
	      struct fault *fault) MUST_CHECK;

#endif
