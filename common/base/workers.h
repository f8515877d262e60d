#ifndef CERTPOOL_BASE_WORKERS_H
#define CERTPOOL_BASE_WORKERS_H

#include "common/base/fault.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/*
 * Work that costs less when several callers have it done together, like a write that has to be
 * durable. A caller that finds none under way does its own at once; those that come meanwhile wait,
 * and one of them does the work of all that wait then. Safe for several threads.
 */
struct joint_caller;

/* Of the parts that are done together. */
enum { JOINT_WORK_MAX = 64 };

struct joint_work {
	pthread_cond_t woken[JOINT_WORK_MAX]; /* one for each caller, or few */
	pthread_mutex_t lock;                 /* of all below */
	bool under_way;
	struct joint_caller *taken; /* whose parts the work under way is about */
	struct joint_caller *first; /* of those that wait, in the order in which they came */
	struct joint_caller **end;
	struct joint_caller *gathering; /* waits for others, before it begins; NULL: none does */
	size_t waiting;                 /* how many these are */
	size_t come;                    /* of all callers */
	size_t expected;                /* of expect_caller; some of them wait */
};

void init_joint_work(struct joint_work *work);

/* Nobody waits any more. */
void destroy_joint_work(struct joint_work *work);

/* Does what callers want: those whose parts take_parts gives it. Their outcomes are in the parts.
   One thread at a time is in the function. */
typedef void joint_function(void *context, struct joint_work *work);

/* Takes the parts of all that wait by now, at most JOINT_WORK_MAX, in the order in which they came;
   at least one. To be called once by the function: the later, the more wait. */
size_t take_parts(struct joint_work *work, void *ret_parts[static JOINT_WORK_MAX]);

/* Returns when the part was done, by this thread or another one. All callers of one joint_work give
   the same function and context. */
void work_jointly(struct joint_work *work, joint_function *function, void *context, void *part);

/*
 * Between these two a caller is on its way: one that would do its own at once waits for it before,
 * JOINT_PATIENCE_MS at most, so that callers that come at nearly the same time share the work.
 */
enum { JOINT_PATIENCE_MS = 1 };
void expect_caller(struct joint_work *work);
void dismiss_caller(struct joint_work *work);

/* For callers who want company more than haste: one that would do its own at once first waits so
   long, at most, until as many have come. */
struct gathering {
	int64_t wait_ms;
	size_t enough; /* at most JOINT_WORK_MAX */
};
void gather_jointly(struct joint_work *work, const struct gathering *gathering,
		    joint_function *function, void *context, void *part);

#endif
