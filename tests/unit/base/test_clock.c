#include "common/base/clock.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

Test(clock, refuses_what_is_no_time)
{
	static const char *const bad[] = {
		"",
		" ",
		"now",
		"-1",
		"+1",
		"1.5",
		"1e9",
		"0x10",
		"1 ",
		" 1",
		"253402300800",
		"9999999999999",
		"2026-11-23",
		"2026-11-23T04:45:44",
		"2026-11-23T04:45Z",
		"2026-1-23T04:45:44Z",
		"26-11-23T04:45:44Z",
		"2026-11-23X04:45:44Z",
		"2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z",
		"2026-01-00T00:00:00Z",
		"2026-01-32T00:00:00Z",
		"2026-02-29T00:00:00Z",
		"2026-02-30T23:59:60Z",
		"2026-04-31T00:00:00Z",
		"2100-02-29T00:00:00Z",
		"2026-11-23T24:00:00Z",
		"2026-11-23T23:60:00Z",
		"2026-11-23T23:59:61Z",
		"2026-11-23T04:45:44.Z",
		"2026-11-23T04:45:44,5Z",
		"2026-11-23T04:45:44+0100",
		"2026-11-23T04:45:44+1:00",
		"2026-11-23T04:45:44+24:00",
		"2026-11-23T04:45:44+01:60",
		"2026-11-23T04:45:44ZZ",
		"2026-11-23T04:45:44Z ",
		"0000-01-01T00:00:00Z",
		"10000-01-01T00:00:00Z",
		"9999-12-31T23:59:59-00:01",
		"9999-12-31T23:59:60Z",
	};

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		int64_t time_s = 42;

		REFUSED(parse_time(bad[i], &time_s, &fault), FAULT_USAGE, "expected RFC 3339",
			"accepted %s", bad[i]);
		SAID(bad[i]);
		cr_expect_eq(time_s, 42);
	}
}

Test(clock, refuses_what_is_no_duration)
{
	static const char *const bad[] = {
		"",          "d",      "90",          "0d",           "090d",
		"-1d",       "+1d",    "1.5h",        "90D",          "90 d",
		" 90d",      "90d ",   "90days",      "1d1h",         "1M",
		"101y",      "36501d", "3153600001s", "99999999999s", "9223372036854775808s",
		"\331\241d",
	};

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		int64_t duration_s = 42;

		REFUSED(parse_duration(bad[i], &duration_s, &fault), FAULT_USAGE,
			"is no duration: expected", "accepted %s", bad[i]);
		cr_expect_eq(duration_s, 42);
	}
}

/* catalogue 95: 2038, 2050, leap days, leap seconds */
static const struct {
	const char *text;
	int64_t time_s;
} times[] = {
	{"0001-01-01T00:00:00Z", INT64_C(-62135596800)},
	{"1969-12-31T23:59:59Z", -1},
	{"1970-01-01T00:00:00Z", 0},
	{"2000-02-29T12:00:00Z", 951825600},
	{"2026-11-23T04:45:44Z", 1795409144},
	{"2038-01-19T03:14:08Z", INT64_C(2147483648)},
	{"2049-12-31T23:59:59Z", INT64_C(2524607999)},
	{"2050-01-01T00:00:00Z", INT64_C(2524608000)},
	{"2106-02-07T06:28:16Z", INT64_C(4294967296)},
	{"9999-12-31T23:59:59Z", INT64_C(253402300799)},
};

Test(clock, reads_and_writes_the_same_times)
{
	for (size_t i = 0; i < COUNT_OF(times); i++) {
		char text[TIME_TEXT_SIZE];
		int64_t time_s = 42;

		OK(parse_time(times[i].text, &time_s, &fault));
		cr_expect_eq(time_s, times[i].time_s, "%s: %jd", times[i].text, (intmax_t)time_s);
		format_time(times[i].time_s, text);
		cr_expect_str_eq(text, times[i].text);
	}
}

/* catalogue 95 */
/* Each day at another second: the years 0000 to 9999, with every kind of leap year. */
Test(clock, agrees_with_the_calendar_of_the_c_library)
{
	const int64_t step_s = 86400 + 1;

	for (time_t clock = -62167219200; clock <= 253402300799; clock += step_s) {
		char text[TIME_TEXT_SIZE];
		char expected[64];
		struct tm utc;
		int64_t read_s = 0;

		(void)gmtime_r(&clock, &utc);
		(void)snprintf(expected, sizeof(expected), "%04d-%02d-%02dT%02d:%02d:%02dZ",
			       utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
			       utc.tm_min, utc.tm_sec);
		format_time(clock, text);
		cr_assert_str_eq(text, expected);
		cr_assert(join_time(&(struct calendar_time){utc.tm_year + 1900, utc.tm_mon + 1,
							    utc.tm_mday, utc.tm_hour, utc.tm_min,
							    utc.tm_sec},
				    &read_s));
		cr_assert_eq(read_s, clock, "%s", text);
	}
}

Test(clock, knows_no_other_days)
{
	static const struct calendar_time none[] = {
		{-1, 1, 1, 0, 0, 0},    {10000, 1, 1, 0, 0, 0}, {2026, 0, 1, 0, 0, 0},
		{2026, 13, 1, 0, 0, 0}, {2026, 1, 0, 0, 0, 0},  {2026, 1, 32, 0, 0, 0},
		{2026, 2, 29, 0, 0, 0}, {2100, 2, 29, 0, 0, 0}, {2000, 2, 30, 0, 0, 0},
		{2026, 4, 31, 0, 0, 0}, {2026, 1, 1, 24, 0, 0}, {2026, 1, 1, 0, 60, 0},
		{2026, 1, 1, 0, 0, 61}, {2026, 1, 1, -1, 0, 0}, {2026, 1, 1, 0, -1, 0},
		{2026, 1, 1, 0, 0, -1},
	};
	int64_t time_s;

	for (size_t i = 0; i < COUNT_OF(none); i++)
		cr_expect_not(join_time(&none[i], &time_s), "row %zu", i);
}

Test(clock, is_utc_whatever_the_time_zone)
{
	static const char *const zones[] = {"America/New_York", "Europe/Paris", "Asia/Kolkata",
					    "CET-1CEST", ":nonsense"};

	for (size_t i = 0; i < COUNT_OF(zones); i++) {
		char text[TIME_TEXT_SIZE];
		int64_t time_s;

		cr_assert_eq(setenv("TZ", zones[i], 1), 0);
		tzset();
		cr_expect_eq(parse_time("2026-07-01T12:00:00Z", &time_s, NULL), 0);
		cr_expect_eq(time_s, 1782907200, "%s", zones[i]);
		format_time(1782907200, text);
		cr_expect_str_eq(text, "2026-07-01T12:00:00Z");
	}
}

Test(clock, reads_every_form_of_rfc3339)
{
	static const struct {
		const char *text;
		int64_t time_s;
	} rows[] = {
		{"2026-11-23T04:45:44z", 1795409144},
		{"2026-11-23t04:45:44Z", 1795409144},
		{"2026-11-23 04:45:44Z", 1795409144},
		{"2026-11-23T04:45:44.987654321Z", 1795409144},
		{"2026-11-23T05:45:44+01:00", 1795409144},
		{"2026-11-22T20:45:44-08:00", 1795409144},
		{"2026-11-23T04:45:44-00:00", 1795409144},
		{"1990-12-31T23:59:60Z", 662688000},
		{"1990-12-31T15:59:60-08:00", 662688000},
		{"1795409144", 1795409144},
		{"0", 0},
		{"253402300799", INT64_C(253402300799)},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int64_t time_s = 42;

		OK(parse_time(rows[i].text, &time_s, &fault));
		cr_expect_eq(time_s, rows[i].time_s, "%s: %jd", rows[i].text, (intmax_t)time_s);
	}
}

Test(clock, writes_no_time_outside_four_digit_years)
{
	static const int64_t bad[] = {INT64_MIN, INT64_C(-62167219201), INT64_C(253402300800),
				      INT64_MAX};
	char text[TIME_TEXT_SIZE];

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		format_time(bad[i], text);
		cr_expect_str_eq(text, "out-of-range");
	}
	format_time(INT64_C(-62167219200), text);
	cr_expect_str_eq(text, "0000-01-01T00:00:00Z");
}

Test(clock, reads_durations)
{
	static const struct {
		const char *text;
		int64_t duration_s;
	} rows[] = {
		{"1s", 1},
		{"5m", 300},
		{"2h", 7200},
		{"90d", 7776000},
		{"2w", 1209600},
		{"10y", 315360000},
		{"100y", INT64_C(3153600000)},
		{"36500d", INT64_C(3153600000)},
		{"3153600000s", INT64_C(3153600000)},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int64_t duration_s = 42;

		OK(parse_duration(rows[i].text, &duration_s, &fault));
		cr_expect_eq(duration_s, rows[i].duration_s, "%s", rows[i].text);
	}
}

Test(clock, runs)
{
	int64_t before_s = read_clock();

	cr_expect_gt(before_s, INT64_C(1700000000));
	cr_expect_geq(read_clock(), before_s);
}

Test(clock, measures_durations_that_never_run_backwards)
{
	int64_t last_us = read_stopwatch_us();

	for (int i = 0; i < 1000; i++) {
		int64_t now_us = read_stopwatch_us();

		cr_assert_geq(now_us, last_us);
		last_us = now_us;
	}
}

Test(clock, tells_times_of_the_kernel_apart_by_nanoseconds)
{
	const struct timespec time = {.tv_sec = 1, .tv_nsec = 2};

	cr_expect(equal_times(time, (struct timespec){.tv_sec = 1, .tv_nsec = 2}));
	cr_expect_not(equal_times(time, (struct timespec){.tv_sec = 1, .tv_nsec = 3}));
	cr_expect_not(equal_times(time, (struct timespec){.tv_sec = 2, .tv_nsec = 2}));
}

Test(clock, sleeps_at_least_as_long_as_asked)
{
	const int64_t begin_us = read_stopwatch_us();

	sleep_us(1500);
	cr_expect_geq(read_stopwatch_us() - begin_us, 1500);
}
