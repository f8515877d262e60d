#include "common/base/periodic_thread.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

struct periodic_thread {
	periodic_function *function;
	void *context;
	unsigned int interval_ms;
	pthread_t thread;
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

/* false: it is to stop. */
static bool await_turn(struct periodic_thread *keeper)
{
	struct timespec now = {0};
	struct timespec turn;
	bool stopping;
	int result = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	turn = add_ms(now, keeper->interval_ms);
	pthread_mutex_lock(&keeper->lock);
	while (!keeper->stopping && result == 0)
		result = pthread_cond_timedwait(&keeper->changed, &keeper->lock, &turn);
	stopping = keeper->stopping;
	pthread_mutex_unlock(&keeper->lock);
	return !stopping;
}

static void *keep(void *context)
{
	struct periodic_thread *keeper = context;

	do
		keeper->function(keeper->context);
	while (await_turn(keeper));
	return NULL;
}

static void free_keeper(struct periodic_thread **keeper)
{
	if (*keeper == NULL)
		return;
	pthread_cond_destroy(&(*keeper)->changed);
	pthread_mutex_destroy(&(*keeper)->lock);
	free(*keeper);
	*keeper = NULL;
}

int start_periodic_thread(unsigned int interval_ms, periodic_function *function, void *context,
			  struct periodic_thread **ret_keeper, struct fault *fault)
{
	CLEANUP(free_keeper) struct periodic_thread *keeper = NULL;
	pthread_condattr_t monotonic;

	keeper = calloc(1, sizeof(*keeper));
	if (keeper == NULL)
		return set_memory_fault(fault);
	keeper->function = function;
	keeper->context = context;
	keeper->interval_ms = interval_ms;
	pthread_mutex_init(&keeper->lock, NULL);
	pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&keeper->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (pthread_create(&keeper->thread, NULL, keep, keeper) != 0)
		return set_fault(fault, FAULT_FAILED, "no thread can be made");
	*ret_keeper = TAKE(keeper);
	return 0;
}

void stop_periodic_thread(struct periodic_thread **pointer)
{
	CLEANUP(free_keeper) struct periodic_thread *keeper = TAKE(*pointer);

	if (keeper == NULL)
		return;
	pthread_mutex_lock(&keeper->lock);
	keeper->stopping = true;
	pthread_cond_broadcast(&keeper->changed);
	pthread_mutex_unlock(&keeper->lock);
	(void)pthread_join(keeper->thread, NULL);
}
