#include "common/pool/messages/replay_log.h"

#include "common/base/workers.h"
#include "common/wire/claims.h"
#include "tests/support/expect.h"
#include "tests/unit/pool/fixture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const int64_t now_s = 1790000000;
static const int64_t year_s = 365 * 86400;
static struct fixture fixture;

static void set_up(void)
{
	open_fixture(&fixture);
}

static void tear_down(void)
{
	close_fixture(&fixture);
}

TestSuite(replay_log, .init = set_up, .fini = tear_down);

/* A jti for each number: 22 characters that are base64url of 128 bits. */
static void name_jti(size_t number, char ret_jti[static JTI_SIZE])
{
	(void)snprintf(ret_jti, JTI_SIZE, "%021zuA", number);
}

static struct replay_log *open_at(int64_t at_s)
{
	struct replay_log *log = NULL;

	OK(open_replay_log(fixture.layouts[0], at_s, &log, &fault));
	return log;
}

static bool is_new(struct replay_log *log, size_t number, int64_t iat_s, int64_t at_s)
{
	char jti[JTI_SIZE];
	bool new = false;

	name_jti(number, jti);
	OK(remember_jti(log, jti, iat_s, at_s, &new, &fault));
	return new;
}

static void forget(struct replay_log *log, size_t number)
{
	char jti[JTI_SIZE];

	name_jti(number, jti);
	OK(forget_jti(log, jti, &fault));
}

Test(replay_log, refuses_a_file_that_is_not_its_own)
{
	static const char *const contents[] = {
		"hello\n",
		"1790000000\n",
		"1790000000 short\n",
		"1790000000  000000000000000000001A\n",
		"x 0000000000000000000001A\n",
		"99999999999999 000000000000000000001A\n",
		"1790000000 000000000000000000001A\n\n",
		"--1790000000 000000000000000000001A\n",
		"=1790000000\n",
		"=1790000000 \n",
		"=1790000001 1790000000\n",
		"=1790000000 1790000001 2\n",
		"=-1 1790000000\n",
	};

	for (size_t i = 0; i < COUNT_OF(contents); i++) {
		struct replay_log *log = NULL;

		put_file(fixture.layouts[0]->state, "seen", contents[i], 0600);
		REFUSED(open_replay_log(fixture.layouts[0], now_s, &log, &fault), FAULT_MALFORMED,
			"state: seen:", "%zu", i);
	}
}

/* catalogue 33 */
Test(replay_log, refuses_a_symbolic_link)
{
	struct replay_log *log = NULL;

	put_file(fixture.layouts[0]->state, "elsewhere", "", 0600);
	cr_assert_eq(symlinkat("elsewhere", fixture.layouts[0]->state, "seen"), 0);
	REFUSED(open_replay_log(fixture.layouts[0], now_s, &log, &fault), FAULT_REFUSED,
		"symbolic link");
}

/* catalogue 91 */
Test(replay_log, refuses_more_messages_than_its_bound)
{
	CLEANUP(free_replay_log) struct replay_log *log = NULL;
	CLEANUP(clear_buffer) struct buffer lines = {0};
	char jti[JTI_SIZE];
	bool new;

	for (size_t i = 0; i < REPLAY_LOG_MAX; i++) {
		name_jti(i, jti);
		append_format(&lines, "%d %s\n", 1790000000, jti);
	}
	put_file(fixture.layouts[0]->state, "seen", (char *)lines.data, 0600);
	log = open_at(now_s);
	name_jti(REPLAY_LOG_MAX, jti);
	REFUSED(remember_jti(log, jti, now_s, now_s, &new, &fault), FAULT_BUSY,
		"1000000 messages were taken within 300 s");
	cr_assert(!is_new(log, 5, now_s, now_s));
	/* Once they have left the window there is room again. */
	cr_assert(is_new(log, REPLAY_LOG_MAX, now_s + 301, now_s + 301));
}

/* catalogue 61 */
Test(replay_log, remembers_a_message)
{
	CLEANUP(free_replay_log) struct replay_log *log = NULL;

	log = open_at(now_s);
	cr_assert(is_new(log, 1, now_s, now_s));
	cr_assert(!is_new(log, 1, now_s, now_s));
	cr_assert(!is_new(log, 1, now_s + 1, now_s + 1));
	cr_assert(is_new(log, 2, now_s, now_s));
}

/* catalogue 61, 76 */
Test(replay_log, remembers_a_message_after_a_restart)
{
	struct replay_log *log;
	struct stat status;

	log = open_at(now_s);
	cr_assert(is_new(log, 1, now_s, now_s));
	cr_assert(is_new(log, 2, now_s + 200, now_s + 200));
	free_replay_log(&log);
	cr_assert_eq(fstatat(fixture.layouts[0]->state, "seen", &status, 0), 0);
	cr_assert_eq(status.st_mode & 07777, 0600);
	log = open_at(now_s + 300);
	cr_assert(!is_new(log, 1, now_s, now_s + 300));
	cr_assert(!is_new(log, 2, now_s + 200, now_s + 300));
	cr_assert(is_new(log, 3, now_s + 300, now_s + 300));
	free_replay_log(&log);
}

Test(replay_log, drops_messages_older_than_the_window)
{
	struct replay_log *log;
	struct buffer content;

	log = open_at(now_s);
	cr_assert(is_new(log, 1, now_s, now_s));
	cr_assert(is_new(log, 2, now_s + 200, now_s + 200));
	free_replay_log(&log);
	log = open_at(now_s + 301);
	content = get_file(fixture.layouts[0]->state, "seen");
	cr_assert_str_eq((char *)content.data, "=1790000000 1790000000\n"
					       "1790000200 000000000000000000002A\n");
	clear_buffer(&content);
	free_replay_log(&log);
}

/* catalogue 78 */
Test(replay_log, drops_a_last_line_that_was_cut_short)
{
	CLEANUP(free_replay_log) struct replay_log *log = NULL;

	put_file(fixture.layouts[0]->state, "seen",
		 "1790000000 000000000000000000001A\n1790000000 0000000000", 0600);
	put_file(fixture.layouts[0]->state, ".seen.new", "1790", 0600);
	log = open_at(now_s);
	cr_assert(!is_new(log, 1, now_s, now_s));
	cr_assert(is_new(log, 2, now_s, now_s));
}

Test(replay_log, forgets_a_message_that_was_not_passed_on)
{
	struct replay_log *log;

	log = open_at(now_s);
	cr_assert(is_new(log, 1, now_s, now_s));
	forget(log, 1);
	forget(log, 1);
	forget(log, 7);
	cr_assert(is_new(log, 1, now_s, now_s));
	forget(log, 1);
	free_replay_log(&log);
	log = open_at(now_s);
	cr_assert(is_new(log, 1, now_s, now_s));
	cr_assert(!is_new(log, 1, now_s, now_s));
	free_replay_log(&log);
}

/* catalogue 94 */
Test(replay_log, does_not_forget_when_the_clock_goes_back)
{
	CLEANUP(free_replay_log) struct replay_log *log = NULL;

	log = open_at(now_s);
	cr_assert(is_new(log, 1, now_s, now_s));
	/* Enough later ones that the table is made anew, without the first. */
	for (size_t i = 2; i < 5000; i++)
		cr_assert(is_new(log, i, now_s + 3600, now_s + 3600));
	cr_assert(!is_new(log, 1, now_s, now_s));
	cr_assert(is_new(log, 5001, now_s + 1, now_s));
}

/* catalogue 94, 120 */
Test(replay_log, does_not_forget_when_the_clock_was_ahead_and_went_back_over_two_restarts)
{
	struct replay_log *log;

	log = open_at(now_s);
	cr_assert(is_new(log, 1, now_s, now_s));
	free_replay_log(&log);
	for (int restart = 0; restart < 2; restart++) {
		log = open_at(now_s + year_s);
		free_replay_log(&log);
	}
	log = open_at(now_s + 10);
	cr_expect(!is_new(log, 1, now_s, now_s + 10));
	cr_expect(is_new(log, 2, now_s + 10, now_s + 10));
	free_replay_log(&log);
}

/* catalogue 120: what was taken and dropped in a year to come refuses no message of today */
Test(replay_log, takes_the_messages_of_today_after_a_clock_that_was_years_ahead)
{
	struct replay_log *log;

	log = open_at(now_s);
	cr_assert(is_new(log, 1, now_s, now_s));
	free_replay_log(&log);
	for (size_t years = 1; years < 4; years++) {
		log = open_at(now_s + (int64_t)years * year_s);
		cr_expect(is_new(log, 1 + years, now_s + (int64_t)years * year_s,
				 now_s + (int64_t)years * year_s));
		free_replay_log(&log);
	}
	log = open_at(now_s + 4 * year_s);
	free_replay_log(&log);
	log = open_at(now_s + 10);
	cr_expect(is_new(log, 100, now_s + 10, now_s + 10));
	for (size_t years = 0; years < 4; years++)
		cr_expect(!is_new(log, 1 + years, now_s + (int64_t)years * year_s, now_s + 10),
			  "%zu", years);
	free_replay_log(&log);
}

Test(replay_log, keeps_its_file_small_over_time)
{
	CLEANUP(free_replay_log) struct replay_log *log = NULL;
	struct stat status;

	log = open_at(now_s);
	for (size_t i = 0; i < 200000; i++)
		cr_assert(is_new(log, i, now_s + (int64_t)i, now_s + (int64_t)i));
	cr_assert_eq(fstatat(fixture.layouts[0]->state, "seen", &status, 0), 0);
	cr_assert_lt(status.st_size, 70000L * 40);
	cr_assert(!is_new(log, 199999, now_s + 199999, now_s + 200000));
}

struct race {
	struct replay_log *log;
	atomic_size_t new_count;
};

static int remember_one(size_t index, void *context, struct fault *fault)
{
	struct race *race = context;
	char jti[JTI_SIZE];
	bool new;

	name_jti(index % 1000, jti);
	if (remember_jti(race->log, jti, now_s, now_s, &new, fault) < 0)
		return -1;
	if (new)
		atomic_fetch_add(&race->new_count, 1);
	return 0;
}

Test(replay_log, takes_each_message_once_from_many_threads)
{
	struct race race = {0};

	race.log = open_at(now_s);
	OK(run_tasks(8000, 8, remember_one, &race, &fault));
	cr_assert_eq(race.new_count, 1000);
	free_replay_log(&race.log);
	race.log = open_at(now_s);
	cr_assert(!is_new(race.log, 999, now_s, now_s));
	free_replay_log(&race.log);
}
