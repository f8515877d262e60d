#ifndef CERTPOOL_NET_LOG_LIMIT_H
#define CERTPOOL_NET_LOG_LIMIT_H

#include "common/net/server.h"

#include <pthread.h>

/*
 * A log that nobody can fill: lines of the same kind are passed on LOG_BURST times in
 * LOG_WINDOW_S seconds; after that the 100th, the 1,000th and so on, with their number, and the
 * number of those that were left out with the first line after the window. Lines are of the same
 * kind if they have the same status and their texts begin alike but for numbers after the first
 * colon, so that one client's lines do not hide another's, and "client1: certified 125 in 38 ms" is
 * of one kind. Beyond LOG_KINDS_MAX, all other lines are of one kind. Safe for several threads.
 */
enum { LOG_BURST = 20, LOG_WINDOW_S = 10, LOG_KINDS_MAX = 64, LOG_KIND_SIZE = 48 };

struct log_kind {
	unsigned int status;
	char beginning[LOG_KIND_SIZE];
	int64_t begun_us;    /* its window, of the stopwatch */
	unsigned long count; /* in the window */
	unsigned long left_out;
};

struct log_limit {
	http_log *log;
	void *log_context;
	pthread_mutex_t lock; /* for the fields below */
	struct log_kind kinds[LOG_KINDS_MAX];
	size_t kind_count;
};

void init_log_limit(struct log_limit *limit, http_log *log, void *log_context);

/* Logs what was left out. Accepts a zero-initialised one. */
void clear_log_limit(struct log_limit *limit);

/* The context is the struct log_limit. */
http_log limit_log;

#endif
