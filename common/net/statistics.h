#ifndef CERTPOOL_NET_STATISTICS_H
#define CERTPOOL_NET_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

/* Counters of a server since its start: a row a route. */

enum { LATENCY_BOUNDS = 10, STATUS_CLASSES = 6 };

/* The upper bounds of the histogram's buckets. A slower answer is in no bucket. */
extern const int64_t latency_bounds_us[LATENCY_BOUNDS];

struct http_route;

struct route_statistics {
	const struct http_route *route;   /* NULL: requests without a route */
	uint64_t answers[STATUS_CLASSES]; /* by the first digit of the status */
	uint64_t within[LATENCY_BOUNDS];  /* answers up to the bound; cumulative */
	uint64_t count;                   /* all answers */
	uint64_t total_us; /* the sum of the times from a request's first line to its answer */
};

/* Safe for several threads. */
struct route_counters;

/* NULL: out of memory. Owns: free_route_counters. */
struct route_counters *new_route_counters(const struct http_route *routes);
void free_route_counters(struct route_counters **counters);

/* Counts an answer. The route may be NULL; the status is 0 when no answer was sent. */
void count_answer(struct route_counters *counters, const struct http_route *route,
		  unsigned int status, int64_t duration_us);

/*
 * Copies the rows in the routes' order, and last the row of no route, but at most `most` rows.
 * Returns the number of all rows.
 */
size_t copy_route_counters(struct route_counters *counters, struct route_statistics *ret_rows,
			   size_t most);

#endif
