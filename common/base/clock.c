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

/*
 * The calendar, whose years begin in March here, so that a leap day is the last of its year, and
 * repeat after 400 years. timegm and gmtime_r take a lock of the C library, for which all threads
 * that read or write certificates would wait.
 */
enum { DAYS_OF_400_YEARS = 146097, MARCH_OF_YEAR_0 = 719468 /* days before 1970 */ };

/* From 0 to 306: the days before a month that counts from March, 0. */
static int days_before_month(int month)
{
	return (153 * month + 2) / 5;
}

/* The days from 1970-01-01 on; months count from 1, and the year from 0. */
static int64_t count_days(int year, int month, int day)
{
	const int64_t from_march = month > 2 ? year : (int64_t)year - 1;
	const int64_t leap_days =
		from_march < 0 ? -1 : from_march / 4 - from_march / 100 + from_march / 400;

	return from_march * 365 + leap_days + days_before_month((month + 9) % 12) + day - 1 -
	       MARCH_OF_YEAR_0;
}

static bool is_leap_year(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_of_month(int year, int month)
{
	if (month == 2)
		return is_leap_year(year) ? 29 : 28;
	return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

bool join_time(const struct calendar_time *parts, int64_t *ret_time_s)
{
	if (parts->year < 0 || parts->year > 9999 || parts->month < 1 || parts->month > 12 ||
	    parts->day < 1 || parts->day > days_of_month(parts->year, parts->month) ||
	    parts->hour < 0 || parts->hour > 23 || parts->minute < 0 || parts->minute > 59 ||
	    parts->second < 0 || parts->second > 60)
		return false;
	*ret_time_s = count_days(parts->year, parts->month, parts->day) * DAY_S +
		      (int64_t)parts->hour * HOUR_S + (int64_t)parts->minute * MINUTE_S +
		      parts->second;
	return true;
}

/* Within the years 0000 to 9999. */
static struct calendar_time split_time(int64_t time_s)
{
	const int days_of_first_months = 31 + 29;
	const int64_t since_s = time_s - first_s;
	/* From March of the year 400 before year 0 on. */
	const int64_t days = since_s / DAY_S - days_of_first_months + DAYS_OF_400_YEARS;
	const int left = (int)(days % DAYS_OF_400_YEARS);
	const int years = (left - left / 1460 + left / 36524 - left / 146096) / 365;
	const int day = left - (365 * years + years / 4 - years / 100);
	const int month = (5 * day + 2) / 153;
	const int second = (int)(since_s % DAY_S);

	return (struct calendar_time){
		.year = (int)(days / DAYS_OF_400_YEARS - 1) * 400 + years + (month >= 10),
		.month = month < 10 ? month + 3 : month - 9,
		.day = day - days_before_month(month) + 1,
		.hour = second / HOUR_S,
		.minute = second % HOUR_S / MINUTE_S,
		.second = second % MINUTE_S,
	};
}

static char *write_digits(char *text, int digits, int number, char mark)
{
	for (int i = digits; i-- > 0; number /= 10)
		text[i] = (char)('0' + number % 10);
	text[digits] = mark;
	return text + digits + 1;
}

void format_time(int64_t time_s, char ret_text[static TIME_TEXT_SIZE])
{
	struct calendar_time parts;
	char *end = ret_text;

	if (time_s < first_s || time_s > last_s) {
		memcpy(ret_text, "out-of-range", sizeof("out-of-range"));
		return;
	}
	parts = split_time(time_s);
	end = write_digits(end, 4, parts.year, '-');
	end = write_digits(end, 2, parts.month, '-');
	end = write_digits(end, 2, parts.day, 'T');
	end = write_digits(end, 2, parts.hour, ':');
	end = write_digits(end, 2, parts.minute, ':');
	end = write_digits(end, 2, parts.second, 'Z');
	*end = '\0';
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

static bool read_date(const char **text, struct calendar_time *parts)
{
	return read_digits(text, 4, 1, 9999, &parts->year) && read_mark(text, "-") &&
	       read_digits(text, 2, 1, 12, &parts->month) && read_mark(text, "-") &&
	       read_digits(text, 2, 1, 31, &parts->day);
}

static bool read_time_of_day(const char **text, struct calendar_time *parts)
{
	if (!read_digits(text, 2, 0, 23, &parts->hour) || !read_mark(text, ":") ||
	    !read_digits(text, 2, 0, 59, &parts->minute) || !read_mark(text, ":") ||
	    !read_digits(text, 2, 0, 60, &parts->second))
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
	struct calendar_time parts = {0};
	int64_t offset_s;
	int64_t time_s;

	if (!read_date(&text, &parts) || !read_mark(&text, "Tt ") ||
	    !read_time_of_day(&text, &parts) || !read_offset(&text, &offset_s) || *text != '\0' ||
	    !join_time(&parts, &time_s))
		return false;
	*ret_time_s = time_s - offset_s;
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
