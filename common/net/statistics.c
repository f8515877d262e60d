#include "common/net/statistics.h"

#include "common/base/cleanup.h"
#include "common/net/server.h"

#include <pthread.h>
#include <stdlib.h>

const int64_t latency_bounds_us[LATENCY_BOUNDS] = {
	500, 1000, 2500, 5000, 10000, 25000, 100000, 500000, 2500000, 10000000,
};

struct statistics {
	pthread_mutex_t lock;
	size_t row_count;
	struct route_statistics rows[];
};

struct statistics *new_statistics(const struct http_route *routes)
{
	struct statistics *statistics;
	size_t count = 0;

	while (routes[count].path != NULL)
		count++;
	statistics = calloc(1, sizeof(*statistics) + (count + 1) * sizeof(statistics->rows[0]));
	if (statistics == NULL)
		return NULL;
	pthread_mutex_init(&statistics->lock, NULL);
	statistics->row_count = count + 1;
	for (size_t i = 0; i < count; i++)
		statistics->rows[i].route = &routes[i];
	return statistics;
}

void free_statistics(struct statistics **pointer)
{
	struct statistics *statistics = TAKE(*pointer);

	if (statistics == NULL)
		return;
	pthread_mutex_destroy(&statistics->lock);
	free(statistics);
}

static struct route_statistics *find_row(struct statistics *statistics,
					 const struct http_route *route)
{
	size_t i = 0;

	/* The last row is that of no route. */
	while (statistics->rows[i].route != route && i + 1 < statistics->row_count)
		i++;
	return &statistics->rows[i];
}

void count_answer(struct statistics *statistics, const struct http_route *route,
		  unsigned int status, int64_t duration_us)
{
	struct route_statistics *row = find_row(statistics, route);

	pthread_mutex_lock(&statistics->lock);
	row->count++;
	row->total_us += (uint64_t)duration_us;
	if (status / 100 < STATUS_CLASSES)
		row->answers[status / 100]++;
	for (size_t i = 0; i < LATENCY_BOUNDS; i++)
		row->within[i] += duration_us <= latency_bounds_us[i];
	pthread_mutex_unlock(&statistics->lock);
}

size_t copy_statistics(struct statistics *statistics, struct route_statistics *ret_rows,
		       size_t most)
{
	size_t count = statistics->row_count < most ? statistics->row_count : most;

	pthread_mutex_lock(&statistics->lock);
	for (size_t i = 0; i < count; i++)
		ret_rows[i] = statistics->rows[i];
	pthread_mutex_unlock(&statistics->lock);
	return statistics->row_count;
}
