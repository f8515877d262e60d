#include "common/net/body_budget.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { MOST = 80 * SMALL_BODY_MAX, OF_ORIGIN = MOST / 4 };

static struct body_budget *budget;

static void set_up(void)
{
	OK(new_body_budget(MOST, &budget, &fault));
}

static void tear_down(void)
{
	free_body_budget(&budget);
}

TestSuite(body_budget, .init = set_up, .fini = tear_down);

/* catalogue 111 */
Test(body_budget, gives_an_origin_a_quarter)
{
	size_t first = 0;
	size_t second = 0;
	size_t other = 0;

	cr_expect(change_body_share(budget, "192.0.2.1", OF_ORIGIN - 10, &first));
	cr_expect_not(change_body_share(budget, "192.0.2.1", 11, &second));
	cr_expect_eq(second, 0);
	cr_expect(change_body_share(budget, "192.0.2.1", 10, &second));
	cr_expect_not(change_body_share(budget, "192.0.2.1", OF_ORIGIN - 9, &first));
	cr_expect_eq(first, OF_ORIGIN - 10);
	cr_expect(change_body_share(budget, "192.0.2.2", OF_ORIGIN, &other));
	/* What is given back can be had again. */
	cr_expect(change_body_share(budget, "192.0.2.1", 0, &first));
	cr_expect(change_body_share(budget, "192.0.2.1", OF_ORIGIN, &second));
	cr_expect(change_body_share(budget, "192.0.2.1", 0, &second));
	cr_expect(change_body_share(budget, "192.0.2.2", 0, &other));
}

/* catalogue 111: whoever sends much leaves room for those who send little */
Test(body_budget, keeps_an_eighth_for_small_bodies)
{
	enum { ORIGINS = 4, REST = MOST - (ORIGINS - 1) * OF_ORIGIN - MOST / 8 };
	size_t big[ORIGINS] = {0};
	size_t small[100] = {0};
	size_t taken = 0;

	for (unsigned int i = 0; i < ORIGINS; i++) {
		char origin[16];

		(void)snprintf(origin, sizeof(origin), "192.0.2.%u", i);
		cr_expect_eq(change_body_share(budget, origin, OF_ORIGIN, &big[i]),
			     i < ORIGINS - 1);
	}
	cr_expect(change_body_share(budget, "192.0.2.9", REST, &big[ORIGINS - 1]));
	cr_expect_not(change_body_share(budget, "192.0.2.10", SMALL_BODY_MAX + 1, &small[0]));
	while (change_body_share(budget, "192.0.2.10", SMALL_BODY_MAX, &small[taken]))
		taken++;
	cr_expect_eq(taken, MOST / 8 / SMALL_BODY_MAX);
}

Test(body_budget, knows_any_number_of_origins)
{
	size_t shares[500] = {0};
	char origin[16];

	for (unsigned int i = 0; i < COUNT_OF(shares); i++) {
		(void)snprintf(origin, sizeof(origin), "10.0.%u.%u", i / 256, i % 256);
		cr_expect(change_body_share(budget, origin, 1 + i, &shares[i]));
	}
	for (unsigned int i = 0; i < COUNT_OF(shares); i++) {
		(void)snprintf(origin, sizeof(origin), "10.0.%u.%u", i / 256, i % 256);
		cr_expect(change_body_share(budget, origin, 0, &shares[i]));
		cr_expect_eq(shares[i], 0);
	}
	/* Nothing is left of them. */
	cr_expect(change_body_share(budget, "10.0.0.0", OF_ORIGIN, &shares[0]));
}
