#ifndef CERTPOOL_BASE_CLOCK_H
#define CERTPOOL_BASE_CLOCK_H

#include "common/base/fault.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Times are seconds since 1970-01-01T00:00:00Z, in UTC whatever TZ says, without leap seconds. */

/* The longest duration that makes sense anywhere. */
#define CENTURY_S (INT64_C(100) * 365 * 86400)

enum { TIME_TEXT_SIZE = 21 }; /* "2026-11-23T04:45:44Z" and its NUL */

/* The real-time clock. Only tools and servers ask it; everything below takes time as argument. */
int64_t read_clock(void);

/* For durations: microseconds since some moment before, whatever is done to the real-time clock. */
int64_t read_stopwatch_us(void);

/* Sleeps that long, through signals. */
void sleep_us(int64_t duration_us);

/* Whether two times of the kernel (an mtime, say) are the same instant, to the nanosecond. */
bool equal_times(struct timespec a, struct timespec b);

/* RFC 3339 in UTC, seconds, "Z". time_s must lie in the years 0000 … 9999. */
void format_time(int64_t time_s, char ret_text[static TIME_TEXT_SIZE]);

/* RFC 3339 (section 5.6; any offset, fractions cut off), or seconds since 1970 in decimal. */
int parse_time(const char *text, int64_t *ret_time_s, struct fault *fault) MUST_CHECK;

/* "90d": a whole number from 1 and one of s, m, h, d, w, y (y is 365 d); at most 100 years. */
int parse_duration(const char *text, int64_t *ret_duration_s, struct fault *fault) MUST_CHECK;

#endif
