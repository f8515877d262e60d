#ifndef CERTPOOL_BASE_WORK_QUEUE_H
#define CERTPOOL_BASE_WORK_QUEUE_H

#include "common/base/fault.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Threads that run submitted work. Work has an owner, and the owners take turns: with each piece of
 * work an owner's account grows by the cost of that piece, and the next to run is the piece that
 * leaves its owner with the smallest account (self-clocked fair queueing; Golestani, 1994). So
 * someone who asks for little does not wait behind those who ask for much, however many they are.
 * The work of one owner runs in order of arrival. What waits is bounded, in all and for each owner.
 */
struct work_queue;

enum { WORK_OWNER_SIZE = 128 };

typedef void work_function(void *context);

struct work {
	work_function *function;
	void *context;
	char owner[WORK_OWNER_SIZE]; /* any text */
	size_t cost;                 /* in a unit that all owners have in common */
	bool of_many; /* the owner stands for several, so that it has no bound of its own */
};

struct work_queue_limits {
	unsigned int workers;
	size_t most;          /* pieces that wait */
	size_t most_of_owner; /* the same, of one owner */
};

/* Owns: free_work_queue. */
int new_work_queue(const struct work_queue_limits *limits, struct work_queue **ret_queue,
		   struct fault *fault) MUST_CHECK;

/* Copies *work. Errors: FAULT_BUSY when as many pieces of work wait already as may. */
int submit_work(struct work_queue *queue, const struct work *work, struct fault *fault) MUST_CHECK;

/* Runs the work that is still pending, then ends the threads. */
void free_work_queue(struct work_queue **queue);

#endif
