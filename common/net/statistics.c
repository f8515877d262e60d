#include "common/net/statistics.h"

#include "common/base/cleanup.h"
#include "common/net/server.h"

#include <pthread.h>
#include <stdlib.h>

const int64_t latency_bounds_us[LATENCY_BOUNDS] = {
	500, 1000, 2500, 5000, 10000, 25000, 100000, 500000, 2500000, 10000000,
};

struct route_counters {
	pthread_mutex_t lock;
	size_t row_count;
	struct route_statistics rows[];
};

struct route_counters *new_route_counters(const struct http_route *routes)
{
	struct route_counters *counters;
	size_t count = 0;

	while (routes[count].path != NULL)
		count++;
	counters = calloc(1, sizeof(*counters) + (count + 1) * sizeof(counters->rows[0]));
	if (counters == NULL)
		return NULL;
	pthread_mutex_init(&counters->lock, NULL);
	counters->row_count = count + 1;
	for (size_t i = 0; i < count; i++)
		counters->rows[i].route = &routes[i];
	return counters;
}

void free_route_counters(struct route_counters **pointer)
{
	struct route_counters *counters = TAKE(*pointer);

	if (counters == NULL)
		return;
	pthread_mutex_destroy(&counters->lock);
	free(counters);
}

static struct route_statistics *find_row(struct route_counters *counters,
					 const struct http_route *route)
{
	size_t i = 0;

	/* The last row is for requests without a route. */
	while (counters->rows[i].route != route && i + 1 < counters->row_count)
		i++;
	return &counters->rows[i];
}

void count_answer(struct route_counters *counters, const struct http_route *route,
		  unsigned int status, int64_t duration_us)
{
	struct route_statistics *row = find_row(counters, route);

	pthread_mutex_lock(&counters->lock);
	row->count++;
	row->total_us += (uint64_t)duration_us;
	if (status / 100 < STATUS_CLASSES)
		row->answers[status / 100]++;
	for (size_t i = 0; i < LATENCY_BOUNDS; i++)
		row->within[i] += duration_us <= latency_bounds_us[i];
	pthread_mutex_unlock(&counters->lock);
}

size_t copy_route_counters(struct route_counters *counters, struct route_statistics *ret_rows,
			   size_t most)
{
	size_t count = counters->row_count < most ? counters->row_count : most;

	pthread_mutex_lock(&counters->lock);
	for (size_t i = 0; i < count; i++)
		ret_rows[i] = counters->rows[i];
	pthread_mutex_unlock(&counters->lock);
	return counters->row_count;
}
