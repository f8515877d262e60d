#include "common/base/workers.h"

#include "common/base/clock.h"

#include <sched.h>
#include <stdlib.h>
#include <time.h>

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

/* On the stack of a caller, which waits. */
struct joint_caller {
	void *part;
	const struct gathering *gathering;
	struct joint_caller *next;
	pthread_cond_t woken; /* its part is done, or it is the first one and none is under way */
	bool done;
};

void init_joint_work(struct joint_work *work)
{
	*work = (struct joint_work){.under_way = false};
	work->end = &work->first;
	pthread_mutex_init(&work->lock, NULL);
}

void destroy_joint_work(struct joint_work *work)
{
	pthread_mutex_destroy(&work->lock);
}

void expect_caller(struct joint_work *work)
{
	pthread_mutex_lock(&work->lock);
	work->expected++;
	pthread_mutex_unlock(&work->lock);
}

static bool has_company(const struct joint_work *work, const struct gathering *gathering)
{
	return work->waiting >= (gathering->wait_ms > 0 ? gathering->enough : work->expected);
}

/* The caller holds the lock. */
static void wake_gathering(struct joint_work *work)
{
	if (work->gathering != NULL && has_company(work, work->gathering->gathering))
		pthread_cond_signal(&work->gathering->woken);
}

void dismiss_caller(struct joint_work *work)
{
	pthread_mutex_lock(&work->lock);
	work->expected--;
	wake_gathering(work);
	pthread_mutex_unlock(&work->lock);
}

size_t take_parts(struct joint_work *work, void *ret_parts[static JOINT_WORK_MAX])
{
	struct joint_caller **taken_end = &work->taken;
	size_t count = 0;

	pthread_mutex_lock(&work->lock);
	for (; work->first != NULL && count < JOINT_WORK_MAX; work->first = work->first->next) {
		ret_parts[count++] = work->first->part;
		*taken_end = work->first;
		taken_end = &work->first->next;
	}
	if (work->first == NULL)
		work->end = &work->first;
	*taken_end = NULL;
	work->waiting -= count;
	pthread_mutex_unlock(&work->lock);
	return count;
}

/* The caller holds the lock, and has it again on return. */
static void lead_joint_work(struct joint_work *work, joint_function *function, void *context)
{
	work->under_way = true;
	pthread_mutex_unlock(&work->lock);
	function(context, work);
	pthread_mutex_lock(&work->lock);
	work->under_way = false;
	for (; work->taken != NULL; work->taken = work->taken->next) {
		work->taken->done = true;
		pthread_cond_signal(&work->taken->woken);
	}
	if (work->first != NULL)
		pthread_cond_signal(&work->first->woken);
}

/* The caller's thread holds the lock. */
static void join_queue(struct joint_work *work, struct joint_caller *caller)
{
	*work->end = caller;
	work->end = &caller->next;
	work->waiting++;
	wake_gathering(work);
}

/* The caller holds the lock, but while it waits: then the work is under way for all others. */
static void await_others(struct joint_work *work, struct joint_caller *own)
{
	const struct gathering *gathering = own->gathering;
	const struct timespec end =
		deadline_in(gathering->wait_ms > 0 ? gathering->wait_ms : JOINT_PATIENCE_MS);

	work->under_way = true;
	work->gathering = own;
	while (!has_company(work, gathering) &&
	       pthread_cond_clockwait(&own->woken, &work->lock, CLOCK_MONOTONIC, &end) == 0)
		;
	work->gathering = NULL;
	work->under_way = false;
}

void gather_jointly(struct joint_work *work, const struct gathering *gathering,
		    joint_function *function, void *context, void *part)
{
	struct joint_caller own = {.part = part, .gathering = gathering};

	pthread_cond_init(&own.woken, NULL);
	pthread_mutex_lock(&work->lock);
	join_queue(work, &own);
	while (!own.done) {
		if (work->under_way) {
			pthread_cond_wait(&own.woken, &work->lock);
			continue;
		}
		if (!has_company(work, gathering))
			await_others(work, &own);
		lead_joint_work(work, function, context);
	}
	pthread_mutex_unlock(&work->lock);
	pthread_cond_destroy(&own.woken);
}

void work_jointly(struct joint_work *work, joint_function *function, void *context, void *part)
{
	const struct gathering at_once = {.wait_ms = 0};

	gather_jointly(work, &at_once, function, context, part);
}
