#include "common/base/token_bucket.h"

enum { US_PER_S = 1000000 };

static const int64_t minute_us = INT64_C(60) * US_PER_S;

bool take_token(struct token_bucket *bucket, size_t per_minute, int64_t now_us, int64_t *ret_wait_s)
{
	int64_t cost_us = minute_us / (int64_t)per_minute;
	int64_t over_us;

	bucket->used_us -= now_us - bucket->as_of_us;
	if (bucket->used_us < 0)
		bucket->used_us = 0;
	bucket->as_of_us = now_us;
	over_us = bucket->used_us + cost_us - minute_us;
	if (over_us > 0) {
		*ret_wait_s = (over_us + US_PER_S - 1) / US_PER_S;
		return false;
	}
	bucket->used_us += cost_us;
	return true;
}

bool is_bucket_full(const struct token_bucket *bucket, int64_t now_us)
{
	return now_us - bucket->as_of_us >= minute_us;
}
