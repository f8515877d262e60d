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
	pthread_cond_t *woken; /* of the work: its part is done, or it may be its turn */
	bool done;
};

void init_joint_work(struct joint_work *work)
{
	*work = (struct joint_work){.under_way = false};
	work->end = &work->first;
	pthread_mutex_init(&work->lock, NULL);
	for (size_t i = 0; i < COUNT_OF(work->woken); i++)
		pthread_cond_init(&work->woken[i], NULL);
}

void destroy_joint_work(struct joint_work *work)
{
	for (size_t i = 0; i < COUNT_OF(work->woken); i++)
		pthread_cond_destroy(&work->woken[i]);
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

void dismiss_caller(struct joint_work *work)
{
	pthread_cond_t *woken = NULL;

	pthread_mutex_lock(&work->lock);
	work->expected--;
	if (work->gathering != NULL && has_company(work, work->gathering->gathering))
		woken = work->gathering->woken;
	pthread_mutex_unlock(&work->lock);
	if (woken != NULL)
		pthread_cond_broadcast(woken);
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

/* The caller holds the lock, and has it again on return. The others wake without it: they would
   wait for the lock at once. */
static void lead_joint_work(struct joint_work *work, joint_function *function, void *context,
			    const struct joint_caller *own)
{
	pthread_cond_t *woken[JOINT_WORK_MAX + 1];
	size_t count = 0;

	work->gathering = NULL;
	work->under_way = true;
	pthread_mutex_unlock(&work->lock);
	function(context, work);
	pthread_mutex_lock(&work->lock);
	work->under_way = false;
	for (; work->taken != NULL; work->taken = work->taken->next) {
		work->taken->done = true;
		if (work->taken != own)
			woken[count++] = work->taken->woken;
	}
	if (work->first != NULL)
		woken[count++] = work->first->woken;
	pthread_mutex_unlock(&work->lock);
	for (size_t i = 0; i < count; i++)
		pthread_cond_broadcast(woken[i]);
	pthread_mutex_lock(&work->lock);
}

/* The caller's thread holds the lock. */
static void join_queue(struct joint_work *work, struct joint_caller *caller)
{
	caller->woken = &work->woken[work->come++ % COUNT_OF(work->woken)];
	*work->end = caller;
	work->end = &caller->next;
	work->waiting++;
}

/* The caller holds the lock, but while it waits. False: it has waited for long enough. */
static bool await_others(struct joint_work *work, struct joint_caller *own)
{
	const int64_t wait_ms = own->gathering->wait_ms;
	const struct timespec end = deadline_in(wait_ms > 0 ? wait_ms : JOINT_PATIENCE_MS);
	int result = 0;

	work->gathering = own;
	while (work->gathering == own && !has_company(work, own->gathering) && result == 0)
		result = pthread_cond_clockwait(own->woken, &work->lock, CLOCK_MONOTONIC, &end);
	if (work->gathering == own)
		work->gathering = NULL;
	return result == 0;
}

/* Who comes last does the work: nobody has to wake for it. */
void gather_jointly(struct joint_work *work, const struct gathering *gathering,
		    joint_function *function, void *context, void *part)
{
	struct joint_caller own = {.part = part, .gathering = gathering};
	bool patient = true;

	pthread_mutex_lock(&work->lock);
	join_queue(work, &own);
	while (!own.done) {
		const struct joint_caller *first = work->gathering != NULL ? work->gathering : &own;
		const bool begins = !patient || has_company(work, first->gathering);

		if (work->under_way || (!begins && first != &own))
			pthread_cond_wait(own.woken, &work->lock);
		else if (begins)
			lead_joint_work(work, function, context, &own);
		else
			patient = await_others(work, &own);
	}
	pthread_mutex_unlock(&work->lock);
}

void work_jointly(struct joint_work *work, joint_function *function, void *context, void *part)
{
	const struct gathering at_once = {.wait_ms = 0};

	gather_jointly(work, &at_once, function, context, part);
}
