#ifndef CERTPOOL_BASE_TOKEN_BUCKET_H
#define CERTPOOL_BASE_TOKEN_BUCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A token bucket: it holds the tokens of one minute and is refilled evenly. A rate that changes
 * counts at once: who took one token of one a minute has 59 of the next sixty. Zero-initialised is
 * full. Not safe for several threads: the owner has a lock.
 */
struct token_bucket {
	int64_t used;     /* tokens, in 60000000ths of one */
	int64_t as_of_us; /* of the stopwatch */
};

/*
 * Takes one token at a time of read_stopwatch_us. False, with nothing taken, when the bucket is
 * empty: there is a token again in *ret_wait_s seconds, at least 1. Shape: per_minute is from 1 to
 * 1000000.
 */
bool take_token(struct token_bucket *bucket, size_t per_minute, int64_t now_us,
		int64_t *ret_wait_s);

/* Whether nobody took a token for a minute, so that the bucket is full whatever its rate is. */
bool is_bucket_full(const struct token_bucket *bucket, int64_t now_us);

#endif
