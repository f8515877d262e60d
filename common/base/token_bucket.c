#include "common/base/token_bucket.h"

enum { US_PER_S = 1000000 };

static const int64_t minute_us = INT64_C(60) * US_PER_S;

bool take_token(struct token_bucket *bucket, size_t per_minute, int64_t now_us, int64_t *ret_wait_s)
{
	int64_t rate = (int64_t)per_minute;
	int64_t passed_us = now_us - bucket->as_of_us;
	int64_t over;

	bucket->as_of_us = now_us;
	if (bucket->used > rate * minute_us)
		bucket->used = rate * minute_us;
	bucket->used -= rate * (passed_us < minute_us ? passed_us : minute_us);
	if (bucket->used < 0)
		bucket->used = 0;
	over = bucket->used + minute_us - rate * minute_us;
	if (over > 0) {
		*ret_wait_s = (over + rate * US_PER_S - 1) / (rate * US_PER_S);
		return false;
	}
	bucket->used += minute_us;
	return true;
}

bool is_bucket_full(const struct token_bucket *bucket, int64_t now_us)
{
	return now_us - bucket->as_of_us >= minute_us;
}
