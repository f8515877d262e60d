#ifndef CERTPOOL_CA_ISSUE_REQUEST_RATE_H
#define CERTPOOL_CA_ISSUE_REQUEST_RATE_H

#include "common/base/fault.h"
#include "common/base/name.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * How often each client asks: a bucket that holds a minute's worth of requests and is filled evenly
 * over the minute. Kept in memory alone: a CA that is started again has forgotten. Safe for several
 * threads.
 */
struct rate;

int new_rate(struct rate **ret_rate, struct fault *fault) MUST_CHECK;
void free_rate(struct rate **rate);

/*
 * Counts a request of the client, who has proved who it is, at a time of read_stopwatch_us. false,
 * and nothing counted: it has to wait *ret_wait_s seconds, at least 1. per_minute 0: any number.
 */
bool take_turn(struct rate *rate, const char *client, size_t per_minute, int64_t now_us,
	       int64_t *ret_wait_s);

#endif
