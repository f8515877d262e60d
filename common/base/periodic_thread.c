#include "common/base/periodic_thread.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

struct periodic_thread {
	periodic_function *function;
	void *context;
	unsigned int interval_ms;
	unsigned int next_ms; /* the interval up to the next call: at most interval_ms */
	pthread_t id;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stopping;
};

static struct timespec add_ms(struct timespec time, unsigned int ms)
{
	long ns = time.tv_nsec + (long)(ms % 1000) * 1000000;

	time.tv_sec += (time_t)(ms / 1000) + ns / 1000000000;
	time.tv_nsec = ns % 1000000000;
	return time;
}

/* Waits for the interval, which may become shorter meanwhile. false: the thread is to stop. */
static bool wait_interval(struct periodic_thread *thread)
{
	struct timespec now = {0};
	struct timespec end;
	bool stopping;
	int result = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	pthread_mutex_lock(&thread->lock);
	while (!thread->stopping && result == 0) {
		end = add_ms(now, thread->next_ms);
		result = pthread_cond_timedwait(&thread->changed, &thread->lock, &end);
	}
	thread->next_ms = thread->interval_ms;
	stopping = thread->stopping;
	pthread_mutex_unlock(&thread->lock);
	return !stopping;
}

static void *call_periodically(void *context)
{
	struct periodic_thread *thread = context;

	do
		thread->function(thread->context);
	while (wait_interval(thread));
	return NULL;
}

static void free_periodic_thread(struct periodic_thread **thread)
{
	if (*thread == NULL)
		return;
	pthread_cond_destroy(&(*thread)->changed);
	pthread_mutex_destroy(&(*thread)->lock);
	free(*thread);
	*thread = NULL;
}

int start_periodic_thread(unsigned int interval_ms, periodic_function *function, void *context,
			  struct periodic_thread **ret_thread, struct fault *fault)
{
	CLEANUP(free_periodic_thread) struct periodic_thread *thread = NULL;
	pthread_condattr_t monotonic;

	thread = calloc(1, sizeof(*thread));
	if (thread == NULL)
		return set_memory_fault(fault);
	thread->function = function;
	thread->context = context;
	thread->interval_ms = interval_ms;
	thread->next_ms = interval_ms;
	pthread_mutex_init(&thread->lock, NULL);
	pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&thread->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (pthread_create(&thread->id, NULL, call_periodically, thread) != 0)
		return set_fault(fault, FAULT_FAILED, "no thread can be made");
	*ret_thread = TAKE(thread);
	return 0;
}

void hasten_periodic_thread(struct periodic_thread *thread, unsigned int after_ms)
{
	pthread_mutex_lock(&thread->lock);
	if (after_ms < thread->next_ms)
		thread->next_ms = after_ms;
	pthread_cond_broadcast(&thread->changed);
	pthread_mutex_unlock(&thread->lock);
}

void stop_periodic_thread(struct periodic_thread **pointer)
{
	CLEANUP(free_periodic_thread) struct periodic_thread *thread = TAKE(*pointer);

	if (thread == NULL)
		return;
	pthread_mutex_lock(&thread->lock);
	thread->stopping = true;
	pthread_cond_broadcast(&thread->changed);
	pthread_mutex_unlock(&thread->lock);
	(void)pthread_join(thread->id, NULL);
}
