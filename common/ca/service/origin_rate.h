#ifndef CERTPOOL_CA_SERVICE_ORIGIN_RATE_H
#define CERTPOOL_CA_SERVICE_ORIGIN_RATE_H

#include "common/base/fault.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What each origin (common/net/origin.h) may cost in a minute for which no client pays, as token
 * buckets in a table of fixed size. A hash under a random key chooses the bucket, so that nobody
 * can aim at another's; two origins share one by chance. Safe for several threads.
 */
struct origin_rate;

/* per_minute 0: no limit. */
int new_origin_rate(size_t per_minute, struct origin_rate **ret_rate,
		    struct fault *fault) MUST_CHECK;
void free_origin_rate(struct origin_rate **rate);

/* Whether charge_origin would be true; counts nothing. */
bool has_origin_credit(struct origin_rate *rate, const char *origin, int64_t now_us,
		       int64_t *ret_wait_s);

/* Counts one at a time of read_stopwatch_us. False, with nothing counted, when the origin must wait
 *ret_wait_s seconds, at least 1. */
bool charge_origin(struct origin_rate *rate, const char *origin, int64_t now_us,
		   int64_t *ret_wait_s);

#endif
