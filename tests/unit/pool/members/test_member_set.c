#include "common/pool/members/member_set.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>

Test(member_set, is_empty_at_first)
{
	CLEANUP(clear_member_set) struct member_set set = {0};

	OK(init_member_set(100, &set, &fault));
	cr_expect_eq(set.count, 0);
	cr_expect_eq(next_in_member_set(&set, 0), 0);
}

Test(member_set, goes_through_its_members_by_rising_index)
{
	static const size_t members[] = {1, 8, 9, 64, 100};
	CLEANUP(clear_member_set) struct member_set set = {0};
	size_t last = 0;

	OK(init_member_set(100, &set, &fault));
	for (size_t i = COUNT_OF(members); i > 0; i--)
		add_to_member_set(&set, members[i - 1]);
	add_to_member_set(&set, 64);
	cr_expect_eq(set.count, COUNT_OF(members));
	for (size_t i = 0; i < COUNT_OF(members); i++) {
		last = next_in_member_set(&set, last);
		cr_expect_eq(last, members[i], "%zu", last);
	}
	cr_expect_eq(next_in_member_set(&set, last), 0);
}
