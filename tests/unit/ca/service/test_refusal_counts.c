#include "common/ca/service/refusal_counts.h"

#include "common/base/cleanup.h"

#include <criterion/criterion.h>
#include <stdio.h>

Test(refusal_counts, counts_each_type_for_itself)
{
	struct refusal_counts counts;
	struct refusal_count rows[REFUSAL_TYPES_MAX];

	init_refusal_counts(&counts);
	count_refusal(&counts, "quota");
	count_refusal(&counts, "policy");
	count_refusal(&counts, "quota");
	cr_assert_eq(copy_refusal_counts(&counts, rows), 2);
	cr_expect_str_eq(rows[0].type, "quota");
	cr_expect_eq(rows[0].count, 2);
	cr_expect_str_eq(rows[1].type, "policy");
	cr_expect_eq(rows[1].count, 1);
	clear_refusal_counts(&counts);
}

Test(refusal_counts, has_an_end)
{
	struct refusal_counts counts;
	struct refusal_count rows[REFUSAL_TYPES_MAX];
	char type[REFUSAL_TYPE_SIZE];

	init_refusal_counts(&counts);
	for (int i = 0; i < REFUSAL_TYPES_MAX + 5; i++) {
		(void)snprintf(type, sizeof(type), "type%d", i);
		count_refusal(&counts, type);
	}
	cr_expect_eq(copy_refusal_counts(&counts, rows), REFUSAL_TYPES_MAX);
	clear_refusal_counts(&counts);
}
