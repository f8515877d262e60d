#include "common/base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400 };

/* The years 0000 to 9999. */
static const int64_t first_s = INT64_C(-62167219200);
static const int64_t last_s = INT64_C(253402300799);

int64_t read_clock(void)
{
	return (int64_t)time(NULL);
}

int64_t read_stopwatch_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t read_uptime_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void init_condition(pthread_cond_t *condition)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

struct timespec deadline_in(int64_t ms)
{
	struct timespec end = {0};
	int64_t ns;

	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	ns = end.tv_nsec + ms % 1000 * 1000000;
	end.tv_sec += (time_t)(ms / 1000 + ns / 1000000000);
	end.tv_nsec = (long)(ns % 1000000000);
	return end;
}

void sleep_us(int64_t duration_us)
{
	struct timespec left = {.tv_sec = duration_us / 1000000,
				.tv_nsec = duration_us % 1000000 * 1000};

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		continue;
}

bool equal_times(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

void format_time(int64_t time_s, char ret_text[static TIME_TEXT_SIZE])
{
	time_t clock = (time_t)time_s;
	struct tm utc;

	if (time_s < first_s || time_s > last_s || gmtime_r(&clock, &utc) == NULL) {
		memcpy(ret_text, "out-of-range", sizeof("out-of-range"));
		return;
	}
	/* %Y would not pad the years before 1000 to four digits. */
	(void)snprintf(ret_text, TIME_TEXT_SIZE, "%04d", utc.tm_year + 1900);
	(void)strftime(ret_text + 4, TIME_TEXT_SIZE - 4, "-%m-%dT%H:%M:%SZ", &utc);
}

/* Reads exactly `digits` decimal digits, a value from low to high, and advances *text. */
static bool read_digits(const char **text, int digits, int low, int high, int *ret_value)
{
	int value = 0;

	for (int i = 0; i < digits; i++, (*text)++) {
		if (!isdigit((unsigned char)**text))
			return false;
		value = value * 10 + (**text - '0');
	}
	*ret_value = value;
	return value >= low && value <= high;
}

static bool read_mark(const char **text, const char *marks)
{
	if (**text == '\0' || strchr(marks, **text) == NULL)
		return false;
	(*text)++;
	return true;
}

static bool read_date(const char **text, struct tm *utc)
{
	if (!read_digits(text, 4, 1, 9999, &utc->tm_year) || !read_mark(text, "-") ||
	    !read_digits(text, 2, 1, 12, &utc->tm_mon) || !read_mark(text, "-") ||
	    !read_digits(text, 2, 1, 31, &utc->tm_mday))
		return false;
	utc->tm_year -= 1900;
	utc->tm_mon -= 1;
	return true;
}

static bool read_time_of_day(const char **text, struct tm *utc)
{
	if (!read_digits(text, 2, 0, 23, &utc->tm_hour) || !read_mark(text, ":") ||
	    !read_digits(text, 2, 0, 59, &utc->tm_min) || !read_mark(text, ":") ||
	    !read_digits(text, 2, 0, 60, &utc->tm_sec))
		return false;
	if (**text != '.')
		return true;
	(*text)++;
	if (!isdigit((unsigned char)**text))
		return false;
	*text += strspn(*text, "0123456789");
	return true;
}

static bool read_offset(const char **text, int64_t *ret_offset_s)
{
	int hours;
	int minutes;
	bool west = **text == '-';

	*ret_offset_s = 0;
	if (read_mark(text, "Zz"))
		return true;
	if (!read_mark(text, "+-") || !read_digits(text, 2, 0, 23, &hours) ||
	    !read_mark(text, ":") || !read_digits(text, 2, 0, 59, &minutes))
		return false;
	*ret_offset_s = (west ? -1 : 1) * ((int64_t)hours * HOUR_S + (int64_t)minutes * MINUTE_S);
	return true;
}

static bool parse_rfc3339(const char *text, int64_t *ret_time_s)
{
	struct tm utc = {0};
	struct tm day;
	int64_t offset_s;

	if (!read_date(&text, &utc) || !read_mark(&text, "Tt ") || !read_time_of_day(&text, &utc) ||
	    !read_offset(&text, &offset_s) || *text != '\0')
		return false;
	/* timegm turns February 30 into March; RFC 3339 section 5.7 has no such day. */
	day = (struct tm){.tm_year = utc.tm_year, .tm_mon = utc.tm_mon, .tm_mday = utc.tm_mday};
	(void)timegm(&day);
	if (day.tm_mday != utc.tm_mday)
		return false;
	*ret_time_s = (int64_t)timegm(&utc) - offset_s;
	return *ret_time_s >= first_s && *ret_time_s <= last_s;
}

static bool parse_seconds(const char *text, int64_t *ret_time_s)
{
	size_t len = strlen(text);

	if (len == 0 || len > 12 || strspn(text, "0123456789") != len)
		return false;
	*ret_time_s = strtoll(text, NULL, 10);
	return *ret_time_s <= last_s;
}

int parse_time(const char *text, int64_t *ret_time_s, struct fault *fault)
{
	int64_t time_s;

	if (!parse_seconds(text, &time_s) && !parse_rfc3339(text, &time_s))
		return set_fault(fault, FAULT_USAGE,
				 "\"%s\" is no time: expected RFC 3339 like 2026-11-23T04:45:44Z, "
				 "or seconds since 1970",
				 text);
	*ret_time_s = time_s;
	return 0;
}

int parse_duration(const char *text, int64_t *ret_duration_s, struct fault *fault)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'s', 1},     {'m', MINUTE_S},   {'h', HOUR_S},
		     {'d', DAY_S}, {'w', 7L * DAY_S}, {'y', 365L * DAY_S}};
	size_t digits = strspn(text, "0123456789");
	int64_t number;

	if (digits == 0 || digits > 10 || text[0] == '0' || text[digits] == '\0' ||
	    text[digits + 1] != '\0')
		goto bad;
	number = strtoll(text, NULL, 10);
	for (size_t i = 0; i < COUNT_OF(units); i++) {
		if (units[i].unit != text[digits])
			continue;
		if (number > CENTURY_S / units[i].seconds)
			goto bad;
		*ret_duration_s = number * units[i].seconds;
		return 0;
	}
bad:
	return set_fault(fault, FAULT_USAGE,
			 "\"%s\" is no duration: expected a number from 1 and s, m, h, d, w or y, "
			 "like 90d, and at most 100y",
			 text);
}
