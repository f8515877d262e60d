#include "common/layout/pool_reuse.h"

#include "tests/support/expect.h"
#include "tests/unit/layout/manifest_rows.h"

#include <criterion/criterion.h>
#include <stdio.h>

Test(pool_reuse, refuses_reuse_that_does_not_go_together)
{
	static const struct refusal_row rows[] = {
		{CLIENT("{pool: {reuse: rotating_batch}}"), "4:21",
		 "clients.a.pool.reuse: expected one of random, limited_time, rotating-batch, "
		 "per-relying-party, once_only, found \"rotating_batch\": did you mean "
		 "rotating-batch?"},
		{CLIENT("{pool: {reuse: [random]}}"), "4:21", "expected a single value"},
		{CLIENT("{pool: {reuse: }}"), "4:21", "found \"\""},
		{CLIENT("{pool: {reuse: rotating-batch, hold: 0}}"), "4:43",
		 "clients.a.pool.hold: expected a number of messages from 1 to 1000000, or a "
		 "duration like 5m, found 0"},
		{CLIENT("{pool: {reuse: rotating-batch, hold: 1000001}}"), "4:43", "found 1000001"},
		{CLIENT("{pool: {reuse: rotating-batch, hold: 5x}}"), "4:43", "found 5x"},
		{CLIENT("{pool: {reuse: rotating-batch, hold: [5m]}}"), "4:43", "found a list"},
		{CLIENT("{pool: {hold: 1, reuse: per-relying-party}}"), "4:14",
		 "clients.a.pool.hold: expected no hold with reuse: per-relying-party"},
		{CLIENT("{pool: {reuse: once_only, hold: 1}}"), "4:32",
		 "expected no hold with reuse: once_only"},
		{CLIENT("{pool: {reuse: once_only, on_empty: wait}}"), "4:42",
		 "clients.a.pool.on_empty: expected one of fail, reuse, block, found \"wait\""},
		{CLIENT("{pool: {on_empty: block}}"), "4:14",
		 "expected reuse: once_only beside it, as no other method uses members up, found "
		 "reuse: random"},
		{CLIENT("{pool: {size: 5, topup: {unused: 5}}}"), "4:39",
		 "clients.a.pool.topup.unused: expected fewer than the pool's size of 5, found 5"},
		{CLIENT("{pool: {reuse: once_only, size: 5, topup: {unused: 5}}}"), "4:57",
		 "expected fewer than the pool's size of 5, found 5"},
		{CLIENT("{pool: {topup: {lifetime: 3}}}"), "4:22",
		 "expected one of the keys unused, lifetime_left, found \"lifetime\""},
		{CLIENT("{pool: {topup: {lifetime_left: 0%}}}"), "4:37", "expected 1% to 90%"},
		{CLIENT("{pool: {topup: {lifetime_left: 30}}}"), "4:37", "found 30"},
		{CLIENT("{pool: {topup: 8}}"), "4:21", "expected a mapping"},
	};

	expect_refusals(rows, COUNT_OF(rows));
}

Test(pool_reuse, reads_how_members_are_chosen)
{
	CLEANUP(free_manifest) struct manifest *manifest = NULL;
	const struct pool_reuse *reuse;

	OK(parse(HEAD "clients:\n  a: {pool: {reuse: rotating-batch, hold: 7}}\n"
		      "  b: {pool: {hold: 5m, reuse: limited_time}}\n"
		      "  c: {pool: {reuse: random, hold: 1}}\n  d: {}\n"
		      "  e: {pool: {reuse: once_only, size: 7, on_empty: block}}\n"
		      "  f: {pool: {reuse: once_only, topup: {unused: 4, lifetime_left: 50%}}}\n"
		      "  g: {pool: {size: 20, reuse: random, hold: 1,\n"
		      "    topup: {unused: 8, lifetime_left: 30%}, on_empty: fail}}\n",
		 &manifest, &fault));
	reuse = &manifest->clients[0].pool.reuse;
	cr_expect_eq(reuse->method, REUSE_ROTATING_BATCH);
	cr_expect_eq(reuse->hold_messages, 7);
	cr_expect_eq(reuse->hold_s, 0);
	reuse = &manifest->clients[1].pool.reuse;
	cr_expect_eq(reuse->method, REUSE_LIMITED_TIME);
	cr_expect_eq(reuse->hold_s, 300);
	cr_expect_eq(manifest->clients[2].pool.reuse.method, REUSE_RANDOM);
	cr_expect_eq(manifest->clients[3].pool.reuse.method, REUSE_RANDOM);
	reuse = &manifest->clients[4].pool.reuse;
	cr_expect_eq(reuse->method, REUSE_ONCE_ONLY);
	cr_expect_eq(reuse->on_empty, EMPTY_BLOCK);
	cr_expect_eq(reuse->topup_unused, 3);
	reuse = &manifest->clients[5].pool.reuse;
	cr_expect_eq(reuse->on_empty, EMPTY_FAIL);
	cr_expect_eq(reuse->topup_unused, 4);
	cr_expect_eq(reuse->lifetime_left_percent, 50);
	reuse = &manifest->clients[6].pool.reuse;
	cr_expect_eq(reuse->method, REUSE_RANDOM);
	cr_expect(reuse->has_topup_unused);
	cr_expect_eq(reuse->topup_unused, 8);
	cr_expect_eq(reuse->lifetime_left_percent, 30);
	cr_expect_eq(manifest->clients[3].pool.reuse.topup_unused, 0);
}

Test(pool_reuse, reads_a_hold_in_messages_or_in_time_for_each_method_that_has_one)
{
	static const char *const methods[] = {"random", "limited_time", "rotating-batch"};

	for (size_t i = 0; i < COUNT_OF(methods); i++) {
		CLEANUP(free_manifest) struct manifest *manifest = NULL;
		char text[512];

		(void)snprintf(text, sizeof(text),
			       HEAD "clients:\n  a: {pool: {reuse: %s, hold: 7}}\n"
				    "  b: {pool: {reuse: %s, hold: 5m}}\n",
			       methods[i], methods[i]);
		OK(parse(text, &manifest, &fault));
		cr_expect_eq(manifest->clients[0].pool.reuse.hold_messages, 7);
		cr_expect(counts_messages(&manifest->clients[0].pool.reuse));
		cr_expect_eq(manifest->clients[1].pool.reuse.hold_s, 300);
		cr_expect_not(counts_messages(&manifest->clients[1].pool.reuse));
		cr_expect_not(draws_each_message(&manifest->clients[1].pool.reuse));
	}
}
