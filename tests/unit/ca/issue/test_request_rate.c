#include "common/ca/issue/request_rate.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>

#define S_US INT64_C(1000000)

static struct rate *make_rate(void)
{
	struct rate *rate = NULL;

	OK(new_rate(&rate, &fault));
	return rate;
}

Test(request_rate, allows_the_requests_of_a_minute_at_once_and_then_spreads_them)
{
	struct rate *rate = make_rate();
	int64_t wait_s = 0;

	for (int i = 0; i < 6; i++)
		cr_expect(take_turn(rate, "a", 6, 100 * S_US, &wait_s));
	cr_expect(!take_turn(rate, "a", 6, 100 * S_US, &wait_s));
	cr_expect_eq(wait_s, 10);
	cr_expect(!take_turn(rate, "a", 6, 101 * S_US, &wait_s));
	cr_expect_eq(wait_s, 9);
	cr_expect(!take_turn(rate, "a", 6, 110 * S_US - 1, &wait_s));
	cr_expect_eq(wait_s, 1);
	cr_expect(take_turn(rate, "a", 6, 110 * S_US, &wait_s));
	cr_expect(!take_turn(rate, "a", 6, 110 * S_US, &wait_s));
	free_rate(&rate);
}

Test(request_rate, is_full_again_after_a_minute_and_never_fuller)
{
	struct rate *rate = make_rate();
	int64_t wait_s = 0;

	cr_expect(take_turn(rate, "a", 2, 0, &wait_s));
	for (int i = 0; i < 2; i++)
		cr_expect(take_turn(rate, "a", 2, 3600 * S_US, &wait_s));
	cr_expect(!take_turn(rate, "a", 2, 3600 * S_US, &wait_s));
	free_rate(&rate);
}

Test(request_rate, of_one_client_does_not_count_for_another)
{
	struct rate *rate = make_rate();
	int64_t wait_s = 0;

	cr_expect(take_turn(rate, "a", 1, 0, &wait_s));
	cr_expect(!take_turn(rate, "a", 1, 0, &wait_s));
	cr_expect_eq(wait_s, 60);
	cr_expect(take_turn(rate, "b", 1, 0, &wait_s));
	free_rate(&rate);
}

/* A policy that is changed while the CA serves counts at once. */
Test(request_rate, follows_a_policy_that_changes)
{
	struct rate *rate = make_rate();
	int64_t wait_s = 0;

	cr_expect(take_turn(rate, "a", 1, 0, &wait_s));
	cr_expect(!take_turn(rate, "a", 1, 0, &wait_s));
	for (int i = 1; i < 60; i++)
		cr_expect(take_turn(rate, "a", 60, 0, &wait_s));
	cr_expect(!take_turn(rate, "a", 60, 0, &wait_s));
	cr_expect_eq(wait_s, 1);
	cr_expect(take_turn(rate, "a", 60, S_US, &wait_s));
	free_rate(&rate);
}

Test(request_rate, does_not_count_where_there_is_none)
{
	struct rate *rate = make_rate();
	int64_t wait_s = 0;

	for (int i = 0; i < 100; i++)
		cr_expect(take_turn(rate, "a", 0, 0, &wait_s));
	cr_expect(take_turn(rate, "a", 1, 0, &wait_s));
	free_rate(&rate);
}

/* The bucket of a client that still asks is kept; that of a client that does not is dropped. */
Test(request_rate, drops_the_bucket_of_a_client_that_did_not_ask_for_a_minute)
{
	struct rate *rate = make_rate();
	int64_t wait_s = 0;

	cr_expect(take_turn(rate, "early", 1, 0, &wait_s));
	cr_expect(take_turn(rate, "late", 1, 30 * S_US, &wait_s));
	cr_expect(take_turn(rate, "other", 1, 61 * S_US, &wait_s));
	cr_expect(!take_turn(rate, "late", 1, 61 * S_US, &wait_s));
	cr_expect_eq(wait_s, 29);
	cr_expect(take_turn(rate, "early", 1, 61 * S_US, &wait_s));
	cr_expect(!take_turn(rate, "early", 1, 61 * S_US, &wait_s));
	free_rate(&rate);
}
