#include "common/net/statistics.h"

#include "common/net/server.h"

#include <criterion/criterion.h>

static const struct http_route routes[] = {
	{.method = "GET", .path = "/a"},
	{.method = "POST", .path = "/b"},
	{0},
};

Test(statistics, counts_by_route_status_and_latency)
{
	struct route_counters *counters = new_route_counters(routes);
	struct route_statistics rows[4];

	cr_assert_not_null(counters);
	count_answer(counters, &routes[1], 200, latency_bounds_us[0]);
	count_answer(counters, &routes[1], 204, latency_bounds_us[0] + 1);
	count_answer(counters, &routes[1], 503, latency_bounds_us[LATENCY_BOUNDS - 1] + 1);
	count_answer(counters, NULL, 404, 7);
	count_answer(counters, NULL, 0, 0); /* a connection that was lost before its answer */
	cr_assert_eq(copy_route_counters(counters, rows, COUNT_OF(rows)), 3);
	cr_expect_eq(rows[0].route, &routes[0]);
	cr_expect_eq(rows[0].count, 0);
	cr_expect_eq(rows[1].count, 3);
	cr_expect_eq(rows[1].answers[2], 2);
	cr_expect_eq(rows[1].answers[5], 1);
	cr_expect_eq(rows[1].within[0], 1);
	cr_expect_eq(rows[1].within[1], 2);
	cr_expect_eq(rows[1].within[LATENCY_BOUNDS - 1], 2);
	cr_expect_eq(rows[1].total_us, (uint64_t)(2 * latency_bounds_us[0] + 1 +
						  latency_bounds_us[LATENCY_BOUNDS - 1] + 1));
	cr_expect_null(rows[2].route);
	cr_expect_eq(rows[2].count, 2);
	cr_expect_eq(rows[2].answers[4], 1);
	free_route_counters(&counters);
}

Test(statistics, are_copied_as_far_as_there_is_room)
{
	struct route_counters *counters = new_route_counters(routes);
	struct route_statistics rows[1];

	cr_assert_not_null(counters);
	count_answer(counters, &routes[0], 200, 1);
	cr_expect_eq(copy_route_counters(counters, rows, 1), 3);
	cr_expect_eq(rows[0].count, 1);
	cr_expect_eq(copy_route_counters(counters, NULL, 0), 3);
	free_route_counters(&counters);
}
