#ifndef CERTPOOL_POOL_MEMBERS_PROGRESS_H
#define CERTPOOL_POOL_MEMBERS_PROGRESS_H

#include "common/pool/members/pool.h"

#include <pthread.h>

/* How several threads tell one progress_function how far they are together. */
struct progress_report {
	struct progress progress;
	pthread_mutex_t lock;
	size_t done;
	size_t total;
};

/* progress may be NULL, and so may its function. */
void init_progress(struct progress_report *report, const struct progress *progress, size_t total);
void clear_progress(struct progress_report *report);

/* `more` further pieces are done. The function is told some 200 times in all, and of the last. */
void report_progress(struct progress_report *report, size_t more);

#endif
