#ifndef CERTPOOL_BASE_PERIODIC_THREAD_H
#define CERTPOOL_BASE_PERIODIC_THREAD_H

#include "common/base/fault.h"

/* A thread that calls a function at once, and again after every interval until it is stopped. It
   may be hastened by any thread, also from within the function. */
struct periodic_thread;

typedef void periodic_function(void *context);

/* Owns: stop_periodic_thread. */
int start_periodic_thread(unsigned int interval_ms, periodic_function *function, void *context,
			  struct periodic_thread **ret_thread, struct fault *fault) MUST_CHECK;

/* Has the next call come earlier: so long after the end of the last one, or at once when that was
   longer ago. A call that has begun does not count. */
void hasten_periodic_thread(struct periodic_thread *thread, unsigned int after_ms);

/* Waits for a call in progress to return, not for the interval. Accepts NULL. */
void stop_periodic_thread(struct periodic_thread **thread);

#endif
