#include "common/layout/pool_windows.h"

#include "tests/support/expect.h"
#include "tests/unit/layout/manifest_rows.h"

#include <criterion/criterion.h>

#define POOL(text) HEAD "clients:\n  a: {pool: {" text "}}\n"
#define CA(text) "version: 1\nca: {endpoint: \"http://127.0.0.1:8440\", windows: {" text "}}\n"
#define WEEKS "windows: {every: 7d, overlap: 1h, ahead: 3, members: 20}"

Test(pool_windows, refuses_what_is_no_window_or_does_not_go_with_it)
{
	static const struct refusal_row rows[] = {
		{POOL("windows: {every: 7d}"), "4:23",
		 "clients.a.pool.windows: expected the key members, found none"},
		{POOL("windows: {members: 20}"), "4:23", "expected the key every, found none"},
		{POOL("windows: {every: 59s, members: 2}"), "4:31", "expected 60 to"},
		{POOL("windows: {every: 7, members: 2}"), "4:31", "\"7\" is no duration"},
		{POOL("windows: {every: 1h, members: 0}"), "4:44",
		 "clients.a.pool.windows.members: expected a whole number from 1"},
		{POOL("windows: {every: 1h, ahead: -1, members: 2}"), "4:42", "found -1"},
		{POOL("windows: {every: 1h, overlap: 1h, members: 2}"), "4:44",
		 "clients.a.pool.windows.overlap: expected less than every: 1h, found 1h"},
		{POOL("windows: {every: 1h, ahead: 3, members: 250001}"), "4:54",
		 "expected at most 250000, so that a pool of 4 windows has at most 1000000 "
		 "members, found 250001"},
		{POOL("windows: {every: 1h, every_s: 2, members: 2}"), "4:35",
		 "expected one of the keys every, overlap, ahead, members, found \"every_s\""},
		{POOL("windows: 7d"), "4:23", "expected a mapping"},
		{POOL("size: 20, " WEEKS), "4:14",
		 "clients.a.pool.size: expected no size beside windows, whose members says how "
		 "many there are in each, found 20"},
		{POOL("topup: {lifetime_left: 30%}, " WEEKS), "4:14",
		 "clients.a.pool.topup: expected no topup beside windows"},
		{POOL("reuse: once_only, " WEEKS), "4:21",
		 "clients.a.pool.reuse: expected another method beside windows"},
		{POOL(WEEKS) "  b: {pool: {windows: {every: 1d, members: 5}}}\n", "5:23",
		 "clients.b.pool.windows: expected every and overlap of 604800 and 3600 seconds, "
		 "as the pools before it have them: a CA has the same windows for all pools; found "
		 "86400 and 0"},
		{CA("overlap: 1h"), "2:50", "ca.windows: expected the key every, found none"},
		{CA("every: 1h, overlap: 2h"), "2:71", "ca.windows.overlap: expected less than"},
		{CA("every: 1h, members: 2"), "2:62", "expected one of the keys every, overlap"},
		{CA("every: 7d") "clients: {a: {pool: {" WEEKS "}}}\n", "3:31",
		 "as ca.windows has them: a CA has the same windows for all pools; found 604800 "
		 "and 3600"},
		{CA("every: 7d, overlap: 1h, ahead: 2") "clients: {a: {pool: {" WEEKS "}}}\n",
		 "3:31", "ahead: expected at most 2, that of ca.windows, found 3"},
	};

	expect_refusals(rows, COUNT_OF(rows));
}

Test(pool_windows, gives_the_ca_the_windows_of_its_pools)
{
	CLEANUP(free_manifest) struct manifest *manifest = NULL;

	OK(parse(POOL(WEEKS) "  b: {pool: {windows: {every: 7d, overlap: 1h, ahead: 5, members: "
			     "2}}}\n  c: {}\n",
		 &manifest, &fault));
	cr_expect_eq(manifest->ca.windows.every_s, 7 * 86400);
	cr_expect_eq(manifest->ca.windows.overlap_s, 3600);
	cr_expect_eq(manifest->ca.windows.ahead, 5);
	cr_expect_eq(manifest->clients[0].pool.size, 80);
	cr_expect_eq(manifest->clients[1].pool.size, 12);
	cr_expect(has_windows(&manifest->clients[1].pool));
	cr_expect_not(has_windows(&manifest->clients[2].pool));
	free_manifest(&manifest);
	OK(parse(POOL("size: 3"), &manifest, &fault));
	cr_expect_eq(manifest->ca.windows.every_s, 0);
}

/* An example of use. */
Test(pool_windows, knows_the_members_of_each_window)
{
	const struct pool_windows windows = {
		.every_s = 1000, .overlap_s = 100, .ahead = 1, .members = 5};
	const struct window_numbers numbers = {.begin_s = 7000, .first = 11};
	struct window window = window_at(&windows, 7999);

	cr_expect_eq(window.begin_s, 7000);
	cr_expect_eq(window.end_s, 8100);
	cr_expect(is_window(&windows, &window));
	cr_expect_not(is_window(&windows, &(struct window){7001, 8101}));
	cr_expect_not(is_window(&windows, &(struct window){7000, 8000}));
	cr_expect_not(is_window(&(struct pool_windows){0}, &window));
	cr_expect_eq(window_at(&windows, 8000).begin_s, 8000, "the newest that has begun");
	cr_expect_eq(first_of_window(&windows, &numbers, 7000), 11);
	cr_expect_eq(first_of_window(&windows, &numbers, 9000), 21);
	cr_expect_eq(first_of_window(&windows, &numbers, 6000), 0);
	cr_expect_eq(window_of_member(&windows, &numbers, 15).begin_s, 7000);
	cr_expect_eq(window_of_member(&windows, &numbers, 16).begin_s, 8000);
	cr_expect_eq(window_of_member(&windows, &numbers, 10).end_s, 0);
}
