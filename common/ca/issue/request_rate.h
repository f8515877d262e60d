#ifndef CERTPOOL_CA_ISSUE_REQUEST_RATE_H
#define CERTPOOL_CA_ISSUE_REQUEST_RATE_H

#include "common/base/fault.h"
#include "common/base/name.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The request rate of each client, as a token bucket: it holds the requests of one minute and is
 * refilled evenly. In memory only: a restart of the CA fills every bucket. Safe for several
 * threads.
 */
struct rate;

int new_rate(struct rate **ret_rate, struct fault *fault) MUST_CHECK;
void free_rate(struct rate **rate);

/*
 * Counts a request of an authenticated client at a time of read_stopwatch_us. False, with nothing
 * counted, when the client must wait *ret_wait_s seconds, at least 1. per_minute 0: no limit.
 */
bool take_turn(struct rate *rate, const char *client, size_t per_minute, int64_t now_us,
	       int64_t *ret_wait_s);

#endif
