#include "common/pool/members/pool_state.h"

#include "tests/support/expect.h"
#include "tests/unit/pool/fixture.h"

#include <criterion/criterion.h>
#include <string.h>

#define BOOT "01234567-89ab-cdef-0123-456789abcdef"
#define SEED "00112233445566778899aabbccddeeff"
#define ORDER "order " BOOT " " SEED " 20 3 59\n"

static struct fixture fixture;

static void set_up(void)
{
	open_fixture(&fixture);
}

static void tear_down(void)
{
	close_fixture(&fixture);
}

TestSuite(pool_state, .init = set_up, .fini = tear_down);

Test(pool_state, refuses_what_is_not_of_its_form)
{
	static const struct {
		const char *text;
		const char *found;
	} rows[] = {
		{"", "expected a line end at the end"},
		{"order", "expected a line end at the end"},
		{"current 1 2\n", "line 2: expected \"order BOOT SEED COUNT HOLD POSITION\""},
		{"order " BOOT " " SEED " 20 3 61\n", "line 2: expected \"order"},
		{"order " BOOT " " SEED " 1000001 1 0\n", "line 2"},
		{"order " BOOT " " SEED " 20 3 1 1\n", "line 2"},
		{"order " BOOT " 00 20 3 1\n", "line 2"},
		{"order x " SEED " 20 3 1\n", "line 2"},
		{ORDER "current 0 5\n", "line 3: expected \"current MEMBER SINCE\", \"peer"},
		{ORDER "current 5\n", "line 3"},
		{ORDER "current 5 -1\n", "line 3"},
		{ORDER "current 5 99999999999999999999999\n", "line 3"},
		{ORDER "current 5 1\ncurrent 5 1\n", "line 4"},
		{ORDER "peer -x 1\n", "line 3"},
		{ORDER "peer a\n", "line 3"},
		{ORDER "peer a 1000001\n", "line 3"},
		{ORDER "\n", "line 3"},
		{ORDER ORDER, "line 3"},
		{ORDER "last 0\n", "line 3"},
		{ORDER "last 1000001\n", "line 3"},
		{ORDER "last 5\nlast 6\n", "line 4"},
		{ORDER "used 1 1\n", "line 3"},
		{ORDER "last 5\nused 4 6\n", "line 4"},
		{ORDER "last 5\nused 4 3\n", "line 4"},
		{ORDER "last 5\nused 1 3\nretired 3 3\n", "line 5"},
		{ORDER "marks 1 u\n", "line 3"},
		{ORDER "last 5\nmarks 1\n", "line 4"},
		{ORDER "last 5\nmarks 1 \n", "line 4"},
		{ORDER "last 5\nmarks 6 -\n", "line 4"},
		{ORDER "last 5\nmarks 4 ur-\n", "line 4"},
		{ORDER "last 5\nmarks 1 ux\n", "line 4"},
		{ORDER "last 5\nused 1 3\nmarks 3 uu\n", "line 5"},
		{ORDER "doubtful 1\n", "line 3"},
		{ORDER "since x\n", "line 3"},
		{ORDER "since 9223372036854775807\n", "line 3"},
		{ORDER "failed 1 1000001 why\n", "line 3"},
		{ORDER "windows 600 60 60 2 5\n", "line 3"},
		{ORDER "windows 601 60 30 2 5\n", "line 3"},
		{ORDER "windows 600 0 0 2 5\n", "line 3"},
		{ORDER "windows 600 60 30 0 5\n", "line 3"},
		{ORDER "windows 600 60 30 2 0\n", "line 3"},
		{ORDER "windows 600 60 30 2 5\nwindows 600 60 30 2 5\n", "line 4"},
		{ORDER "failed 1 0 why\n", "line 3"},
		{ORDER "failed 1 1 why\nfailed 1 1 why\n", "line 4"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct pool_state state = {0};

		REFUSED(parse_pool_state(bytes_of_string(rows[i].text), &state, &fault),
			FAULT_MALFORMED, rows[i].found, "row %zu", i);
		cr_expect_null(state.peers);
	}
}

Test(pool_state, is_read_as_it_was_written)
{
	CLEANUP(clear_pool_state) struct pool_state state = {0};
	CLEANUP(clear_pool_state) struct pool_state again = {0};
	const struct layout *layout = fixture.layouts[0];

	OK(parse_pool_state(bytes_of_string(ORDER "current 4 1700000000\npeer a 1\npeer b 2\n"
						  "peer a 3\nlast 9\nretired 1 3\nused 4 4\n"
						  "used 7 8\nwindows 1789603200 604800 3600 2 5\n"
						  "doubtful\nsince 1700000001\n"
						  "failed 1700000002 3 the CA: away\n"),
			    &state, &fault));
	OK(write_pool_state(layout, &state, &fault));
	OK(read_pool_state(layout, "client1", &again, &fault));
	cr_expect_not(again.copied);
	cr_expect_str_eq(again.order.boot, BOOT);
	cr_expect_eq(memcmp(again.order.seed, state.order.seed, SEED_LEN), 0);
	cr_expect_eq(again.order.count, 20);
	cr_expect_eq(again.order.hold, 3);
	cr_expect_eq(again.order.position, 59);
	cr_expect_eq(again.current, 4);
	cr_expect_eq(again.current_since_s, 1700000000);
	cr_expect_eq(find_pool_peer(&again, "a"), 3);
	cr_expect_eq(find_pool_peer(&again, "b"), 2);
	cr_expect_eq(find_pool_peer(&again, "c"), 0);
	cr_expect_eq(count_in_use(&again), 20 + 3);
	cr_expect_eq(again.last, 9);
	cr_expect_eq(count_marked(&again, MEMBER_RETIRED), 3);
	cr_expect_eq(count_marked(&again, MEMBER_USED), 3);
	cr_expect_eq(again.marks[7], MEMBER_USED);
	cr_expect_eq(again.marks[8], MEMBER_UNUSED);
	cr_expect_eq(again.window_numbers.begin_s, 1789603200);
	cr_expect_eq(again.window_numbers.first, 5);
	cr_expect_eq(again.windows.every_s, 604800);
	cr_expect_eq(again.windows.overlap_s, 3600);
	cr_expect_eq(again.windows.members, 2);
	cr_expect(again.doubtful);
	cr_expect_eq(again.first_used_s, 1700000001);
	cr_expect_eq(again.failures, 3);
	cr_expect_str_eq(again.failure, "the CA: away");
}

/* Of members that sign in random order: a third have signed, and a third of the first half are
   retired. A long run has a line of its own. */
Test(pool_state, is_small_when_many_members_have_signed)
{
	enum { NUMBERS = 20000, RUN = 3000, FILE_MAX = 22000 };
	CLEANUP(clear_pool_state) struct pool_state state = {0};
	CLEANUP(clear_pool_state) struct pool_state again = {0};
	CLEANUP(clear_buffer) struct buffer content = {0};
	const struct layout *layout = fixture.layouts[0];
	uint32_t random = 1;

	OK(extend_numbers(&state, NUMBERS, &fault));
	for (size_t i = 0; i < NUMBERS; i++) {
		random = random * 1664525 + 1013904223;
		state.marks[i] = (uint8_t)((random >> 16) % (i < NUMBERS / 2 ? 3 : 2));
	}
	memset(state.marks, MEMBER_RETIRED, RUN);
	OK(write_pool_state(layout, &state, &fault));
	content = get_file(layout->state, POOL_STATE_FILE);
	cr_expect_lt(content.len, (size_t)FILE_MAX);
	cr_expect_not_null(strstr((const char *)content.data, "\nretired 1 300"));
	OK(read_pool_state(layout, "client1", &again, &fault));
	cr_assert_eq(again.last, (size_t)NUMBERS);
	cr_expect_arr_eq(again.marks, state.marks, NUMBERS);
}

Test(pool_state, is_found_as_long_as_it_is_not_replaced)
{
	CLEANUP(close_descriptor) int file = -1;
	const struct layout *layout = fixture.layouts[0];
	const struct pool_state state = {0};
	bool same;

	OK(open_pool_order(layout, &file, &fault));
	OK(find_pool_state(layout, file, &same, &fault));
	cr_expect_not(same);
	OK(write_pool_state(layout, &state, &fault));
	OK(open_pool_order(layout, &file, &fault));
	OK(find_pool_state(layout, file, &same, &fault));
	cr_expect(same);
	OK(write_pool_state(layout, &state, &fault));
	OK(find_pool_state(layout, file, &same, &fault));
	cr_expect_not(same);
}

Test(pool_state, is_empty_without_a_file)
{
	struct pool_state state = {.current = 5};

	OK(read_pool_state(fixture.layouts[0], "client1", &state, &fault));
	cr_expect_eq(state.current, 0);
}

Test(pool_state, says_which_file_is_damaged)
{
	struct pool_state state = {0};

	put_file(fixture.layouts[0]->state, POOL_STATE_FILE, "x\n", 0600);
	REFUSED(read_pool_state(fixture.layouts[0], "client1", &state, &fault), FAULT_MALFORMED,
		"state/pool: line 1: expected \"certpool pool 1 INODE BORN\"");
	SAID("which members of client1 have signed");
}
