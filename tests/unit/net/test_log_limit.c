#include "common/net/log_limit.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct buffer logged;
static unsigned int lines;
static struct log_limit limit;

static void keep(void *context, const char *method, const char *path, unsigned int status,
		 const char *text)
{
	(void)context;
	append_format(&logged, "%s %s %u %s\n", method, path, status, text);
	lines++;
}

static void set_up(void)
{
	init_log_limit(&limit, keep, NULL);
}

static void tear_down(void)
{
	clear_log_limit(&limit);
	clear_buffer(&logged);
}

TestSuite(log_limit, .init = set_up, .fini = tear_down);

static bool was_logged(const char *text)
{
	return logged.data != NULL && strstr((const char *)logged.data, text) != NULL;
}

/* A flood of requests is no flood of lines, and their number is known. */
Test(log_limit, counts_what_it_leaves_out)
{
	for (unsigned int i = 0; i < 20000; i++)
		limit_log(&limit, "POST", "/a", 400, "JWE: not under a key");
	cr_expect_eq(lines, LOG_BURST + 3);
	cr_expect(was_logged("POST /a 400 JWE: not under a key\n"));
	cr_expect(was_logged("POST /a 400 JWE: not under a key (the 100th like this in "), "%s",
		  logged.data);
	cr_expect(was_logged("(the 10000th like this in "));
	clear_log_limit(&limit);
	cr_expect(was_logged("  400 19977 more were not logged of: JWE: not under a key"), "%s",
		  logged.data);
}

Test(log_limit, logs_each_kind)
{
	static const struct {
		unsigned int status;
		const char *text;
	} rows[] = {
		{400, "JWE: not under a key"}, {404, "JWE: not under a key"},
		{200, "client1: rate: "},      {200, "client2: rate: "},
		{0, "a connection"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		for (unsigned int j = 0; j < 50; j++)
			limit_log(&limit, "GET", "/", rows[i].status, rows[i].text);
		cr_expect_eq(lines, (i + 1) * LOG_BURST, "row %zu", i);
	}
}

/* The path is the sender's: it makes no kind of its own. */
Test(log_limit, does_not_go_by_the_path)
{
	for (unsigned int i = 0; i < 99; i++) {
		char path[16];

		(void)snprintf(path, sizeof(path), "/%u", i);
		limit_log(&limit, "GET", path, 404, "there is no such path");
	}
	cr_expect_eq(lines, LOG_BURST);
}

/* Texts that differ from the beginning fill the table, and then count together. */
Test(log_limit, is_not_evaded_by_many_kinds)
{
	for (unsigned int i = 0; i < 20000; i++) {
		char text[16];

		(void)snprintf(text, sizeof(text), "%u", i);
		limit_log(&limit, "GET", "/", 400, text);
	}
	cr_expect_leq(lines, (unsigned int)LOG_KINDS_MAX + LOG_BURST + 3, "%u", lines);
}

Test(log_limit, begins_anew_after_its_window)
{
	for (unsigned int i = 0; i < 50; i++)
		limit_log(&limit, "GET", "/", 404, "there is no such path");
	limit.kinds[0].begun_us -= INT64_C(1000000) * LOG_WINDOW_S;
	limit_log(&limit, "GET", "/", 400, "something else");
	cr_expect(was_logged("  404 30 more were not logged of: there is no such path"), "%s",
		  logged.data);
	limit_log(&limit, "GET", "/", 404, "there is no such path");
	cr_expect_eq(lines, LOG_BURST + 3);
}

Test(log_limit, can_be_cleared_before_it_is_used)
{
	struct log_limit none = {0};

	clear_log_limit(&none);
	clear_log_limit(&none);
}

Test(log_limit, takes_lines_that_differ_in_numbers_for_one_kind)
{
	char text[64];

	for (unsigned int i = 0; i < 1000; i++) {
		(void)snprintf(text, sizeof(text), "client1: certified %u in %u ms", i, 7 * i);
		limit_log(&limit, "POST", "/a", 200, text);
	}
	cr_expect_eq(lines, LOG_BURST + 2);
	limit_log(&limit, "POST", "/a", 200, "client2: certified 5 in 3 ms");
	cr_expect(was_logged("client2: certified 5"), "one client's lines hide another's");
	clear_log_limit(&limit);
	cr_expect(was_logged("978 more were not logged of: client1: certified # in # ms"), "%s",
		  logged.data);
}
