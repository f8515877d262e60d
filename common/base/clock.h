#ifndef CERTPOOL_BASE_CLOCK_H
#define CERTPOOL_BASE_CLOCK_H

#include "common/base/fault.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Times are seconds since 1970-01-01T00:00:00Z, in UTC whatever TZ says, without leap seconds. */

/* The longest duration that makes sense anywhere. */
#define CENTURY_S (INT64_C(100) * 365 * 86400)

enum { TIME_TEXT_SIZE = 21 }; /* "2026-11-23T04:45:44Z" and its NUL */

/* The real-time clock. Only tools and servers read it; the other layers take time as argument. */
int64_t read_clock(void);

/* The monotonic clock, for durations: microseconds from an arbitrary origin. */
int64_t read_stopwatch_us(void);

/* The same, which also goes on while the machine is suspended. */
int64_t read_uptime_us(void);

/* Sleeps for the whole duration; a signal does not shorten it. */
void sleep_us(int64_t duration_us);

/* True if two timestamps of the kernel (an mtime, say) are equal to the nanosecond. */
bool equal_times(struct timespec a, struct timespec b);

/* RFC 3339 in UTC, seconds, "Z"; "out-of-range" outside the years 0000 … 9999. */
void format_time(int64_t time_s, char ret_text[static TIME_TEXT_SIZE]);

/* A day of the Gregorian calendar, and a time of that day in UTC. */
struct calendar_time {
	int year;   /* 0 to 9999 */
	int month;  /* from 1 */
	int day;    /* from 1 */
	int hour;   /* 0 to 23 */
	int minute; /* 0 to 59 */
	int second; /* 0 to 60: a leap second is the first of the next minute */
};

/* false: there is no such day, or no such time of a day. */
bool join_time(const struct calendar_time *parts, int64_t *ret_time_s);

/*
 * Reads RFC 3339 (section 5.6; any offset, fractions cut off), or seconds since 1970 in decimal.
 * Errors: FAULT_USAGE.
 */
int parse_time(const char *text, int64_t *ret_time_s, struct fault *fault) MUST_CHECK;

/*
 * Reads a duration like "90d": a whole number from 1 and one of s, m, h, d, w, y (365 d); at most
 * CENTURY_S. Errors: FAULT_USAGE.
 */
int parse_duration(const char *text, int64_t *ret_duration_s, struct fault *fault) MUST_CHECK;

/* For pthread_cond_timedwait: a condition that waits by the monotonic clock, and the time of that
   clock in `ms` from now. */
void init_condition(pthread_cond_t *condition);
struct timespec deadline_in(int64_t ms);

#endif
