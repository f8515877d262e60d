#include "tools/bar.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <string.h>

Test(bar, groups_thousands)
{
	static const struct {
		size_t number;
		const char *text;
	} rows[] = {
		{0, "0"}, {999, "999"}, {1000, "1,000"}, {21900, "21,900"}, {1000000, "1,000,000"}};
	char text[GROUPED_SIZE];

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		format_grouped(rows[i].number, text);
		cr_expect_str_eq(text, rows[i].text);
	}
}

Test(bar, shows_rate_and_time_left_where_there_is_room)
{
	static const struct bar_state half = {.label = "client1: requests",
					      .done = 21900,
					      .total = 43800,
					      .per_second = 2190,
					      .columns = 120};
	static const struct {
		size_t columns;
		const char *text;
	} rows[] = {
		{120, "client1: requests [####################                    ] 21,900 of "
		      "43,800, 2,190/s, 10 s left"},
		{80,
		 "client1: requests [###########           ] 21,900 of 43,800, 2,190/s, 10 s left"},
		{60, "client1: requests 21,900 of 43,800, 2,190/s, 10 s left"},
		{50, "client1: requests 21,900 of 43,800, 2,190/s"},
		{40, "client1: requests 21,900 of 43,800"},
		{20, "client1: requests 2"},
		{1, "c"},
	};
	char text[BAR_TEXT_SIZE];

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bar_state state = half;

		state.columns = (unsigned int)rows[i].columns;
		format_bar(&state, text);
		cr_expect_str_eq(text, rows[i].text, "%zu columns: found %s", rows[i].columns,
				 text);
	}
}

Test(bar, is_full_at_the_end_and_says_no_time)
{
	static const struct bar_state whole = {
		.label = "x", .done = 3, .total = 3, .per_second = 9, .columns = 30};
	char text[BAR_TEXT_SIZE];

	format_bar(&whole, text);
	cr_expect_str_eq(text, "x [##################] 3 of 3", "%s", text);
}

Test(bar, fits_any_terminal)
{
	char text[BAR_TEXT_SIZE];

	for (unsigned int columns = 0; columns < 600; columns++) {
		struct bar_state state = {.label = "client1: certificates",
					  .done = 123456,
					  .total = 1000000,
					  .per_second = columns % 2 * 77,
					  .columns = columns};

		format_bar(&state, text);
		cr_expect(strlen(text) < (columns > 1 ? columns : 2), "%u: %s", columns, text);
	}
}
