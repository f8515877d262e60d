#ifndef CERTPOOL_BASE_PERIODIC_THREAD_H
#define CERTPOOL_BASE_PERIODIC_THREAD_H

#include "common/base/fault.h"

/* A thread that does something at once, and again and again until it is stopped. */
struct periodic_thread;

typedef void periodic_function(void *context);

int start_periodic_thread(unsigned int interval_ms, periodic_function *function, void *context,
			  struct periodic_thread **ret_keeper, struct fault *fault) MUST_CHECK;

/* Waits until what it is doing is done, and no longer. */
void stop_periodic_thread(struct periodic_thread **keeper);

#endif
