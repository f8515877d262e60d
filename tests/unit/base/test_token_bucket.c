#include "common/base/token_bucket.h"

#include <criterion/criterion.h>

#define S_US INT64_C(1000000)

Test(token_bucket, gives_the_tokens_of_a_minute_at_once_and_then_one_by_one)
{
	struct token_bucket bucket = {0};
	int64_t wait_s = 0;

	for (int i = 0; i < 6; i++)
		cr_expect(take_token(&bucket, 6, 100 * S_US, &wait_s));
	cr_expect_not(take_token(&bucket, 6, 100 * S_US, &wait_s));
	cr_expect_eq(wait_s, 10);
	cr_expect_not(take_token(&bucket, 6, 110 * S_US - 1, &wait_s));
	cr_expect_eq(wait_s, 1);
	cr_expect(take_token(&bucket, 6, 110 * S_US, &wait_s));
	cr_expect_not(take_token(&bucket, 6, 110 * S_US, &wait_s));
}

Test(token_bucket, has_the_tokens_of_a_higher_rate_at_once)
{
	struct token_bucket bucket = {0};
	int64_t wait_s = 0;

	cr_expect(take_token(&bucket, 1, S_US, &wait_s));
	cr_expect_not(take_token(&bucket, 1, S_US, &wait_s));
	for (int i = 1; i < 60; i++)
		cr_expect(take_token(&bucket, 60, S_US, &wait_s));
	cr_expect_not(take_token(&bucket, 60, S_US, &wait_s));
	cr_expect_eq(wait_s, 1);
}

Test(token_bucket, is_no_emptier_than_empty_under_a_lower_rate)
{
	struct token_bucket bucket = {0};
	int64_t wait_s = 0;

	for (int i = 0; i < 1000; i++)
		cr_expect(take_token(&bucket, 1000000, S_US, &wait_s));
	cr_expect_not(take_token(&bucket, 2, S_US, &wait_s));
	cr_expect_eq(wait_s, 30);
	cr_expect(take_token(&bucket, 2, 31 * S_US, &wait_s));
}

Test(token_bucket, is_full_after_a_minute_without_a_taker_and_never_fuller)
{
	struct token_bucket bucket = {0};
	int64_t wait_s = 0;

	cr_expect(take_token(&bucket, 1, 100 * S_US, &wait_s));
	cr_expect_not(is_bucket_full(&bucket, 160 * S_US - 1));
	cr_expect(is_bucket_full(&bucket, 160 * S_US));
	cr_expect(take_token(&bucket, 1, 9000 * S_US, &wait_s));
	cr_expect_not(take_token(&bucket, 1, 9000 * S_US, &wait_s));
}
