#include "common/pool/messages/member_order.h"

#include "common/base/random.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* Pearson's statistic for a uniform distribution. */
static double chi_squared(const size_t *counts, size_t classes, size_t total)
{
	double expected = (double)total / (double)classes;
	double sum = 0;

	for (size_t i = 0; i < classes; i++)
		sum += ((double)counts[i] - expected) * ((double)counts[i] - expected) / expected;
	return sum;
}

/* Of 19 degrees of freedom: above 120 with a probability of 10^-16. */
enum { CLASSES = 20, DRAWS = 1000000, CHI_SQUARED_MAX = 120 };

Test(member_order, is_drawn_like_members_uniformly_over_a_million)
{
	size_t counts[CLASSES] = {0};

	for (size_t i = 0; i < DRAWS; i++) {
		uint64_t draw;

		OK(draw_below(CLASSES, &draw, &fault));
		counts[draw]++;
	}
	cr_expect_lt(chi_squared(counts, CLASSES, DRAWS), (double)CHI_SQUARED_MAX);
}

/* The seeds are always the same, and so is the outcome. */
Test(member_order, has_each_member_at_each_place_as_often)
{
	enum { ORDERS = DRAWS / CLASSES };
	static size_t counts[CLASSES][CLASSES];
	const struct pool_settings pool = {.size = CLASSES, .reuse.method = REUSE_ROTATING_BATCH};
	uint8_t seed[SEED_LEN] = {0};

	for (size_t i = 0; i < ORDERS; i++) {
		uint32_t *members = NULL;

		memcpy(seed, &i, sizeof(i));
		OK(make_order(seed, &pool, CLASSES, &members, &fault));
		for (size_t place = 0; place < CLASSES; place++)
			counts[place][members[place] - 1]++;
		free(members);
	}
	for (size_t place = 0; place < CLASSES; place++)
		cr_expect_lt(chi_squared(counts[place], CLASSES, ORDERS), (double)CHI_SQUARED_MAX,
			     "place %zu", place);
}

/* As above; every third member is set apart. */
Test(member_order, draws_each_member_that_is_not_set_apart_as_often)
{
	static size_t counts[CLASSES];
	static uint8_t marks[CLASSES];
	const struct pool_settings pool = {.size = CLASSES, .last = CLASSES, .marks = marks};
	const struct pool_order order = {.count = CLASSES, .hold = 7};
	size_t classes = 0;
	uint8_t seed[SEED_LEN] = {0};

	for (size_t i = 0; i < CLASSES; i += 3)
		marks[i] = MEMBER_USED;
	for (size_t i = 0; i < DRAWS / CLASSES; i++) {
		uint32_t *members = NULL;

		memcpy(seed, &i, sizeof(i));
		OK(make_order(seed, &pool, CLASSES, &members, &fault));
		cr_assert(members[0] >= 1 && members[0] <= CLASSES);
		cr_assert(!is_set_apart(&pool, members[0]));
		counts[members[0] - 1]++;
		free(members);
	}
	cr_expect_eq(end_of_order(&pool, &order), 7);
	for (size_t i = 0; i < CLASSES; i++)
		if (marks[i] == MEMBER_UNUSED)
			counts[classes++] = counts[i];
	cr_expect_lt(chi_squared(counts, classes, DRAWS / CLASSES), (double)CHI_SQUARED_MAX);
	memset(marks, MEMBER_USED, sizeof(marks));
	cr_expect_eq(end_of_order(&pool, &order), 0);
}
