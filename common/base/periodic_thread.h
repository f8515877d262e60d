#ifndef CERTPOOL_BASE_PERIODIC_THREAD_H
#define CERTPOOL_BASE_PERIODIC_THREAD_H

#include "common/base/fault.h"

/* A thread that does something at once, and again and again until it is stopped. */
struct keeper;

typedef void keeper_function(void *context);

int start_keeper(unsigned int interval_ms, keeper_function *function, void *context,
		 struct keeper **ret_keeper, struct fault *fault) MUST_CHECK;

/* Waits until what it is doing is done, and no longer. */
void stop_keeper(struct keeper **keeper);

#endif
