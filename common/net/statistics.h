#ifndef CERTPOOL_NET_STATISTICS_H
#define CERTPOOL_NET_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

/* What a server has done, by route, since it started. */

enum { LATENCY_BOUNDS = 10, STATUS_CLASSES = 6 };

/* The upper ends of the histogram's buckets; what took longer than the last is in none of them. */
extern const int64_t latency_bounds_us[LATENCY_BOUNDS];

struct http_route;

struct route_statistics {
	const struct http_route *route;   /* NULL: requests that found none */
	uint64_t answers[STATUS_CLASSES]; /* by the first digit of the status */
	uint64_t within[LATENCY_BOUNDS];  /* those that took no longer than the bound, cumulative */
	uint64_t count;                   /* all */
	uint64_t total_us;                /* from a request's first line to its answer, of all */
};

/* The counters of a server. Safe for several threads. */
struct statistics;

struct statistics *new_statistics(const struct http_route *routes);
void free_statistics(struct statistics **statistics);

/* route may be NULL. */
void count_answer(struct statistics *statistics, const struct http_route *route,
		  unsigned int status, int64_t duration_us);

/*
 * Copies the figures of each route in the routes' order, and last those of no route: at most `most`
 * rows. Returns how many there are.
 */
size_t copy_statistics(struct statistics *statistics, struct route_statistics *ret_rows,
		       size_t most);

#endif
