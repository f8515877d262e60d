#include "common/x509/audit/order_chance.h"

#include "common/base/cleanup.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>

static double chance(const char *const *owners, size_t count)
{
	double found = 0;

	OK(find_order_chance(owners, count, &found, &fault));
	return found;
}

Test(order_chance, tells_an_order_that_chance_does_not_make)
{
	static const char *const names[] = {"a", "b", "c", "d"};
	const char *together[3 * ORDER_MAX];
	const char *in_turn[3 * ORDER_MAX];

	for (size_t i = 0; i < COUNT_OF(together); i++) {
		together[i] = names[i / 20 % 4];
		in_turn[i] = names[i % 4];
	}
	cr_expect_lt(chance(together, 80), ORDER_CHANCE_MIN);
	cr_expect_lt(chance(together, COUNT_OF(together)), ORDER_CHANCE_MIN);
	cr_expect_geq(chance(in_turn, 80), 0.9);
	/* Two pools of two: 8 of 24 orders have both pairs together. */
	cr_expect_geq(chance((const char *const[]){names[0], names[0], names[1], names[1]}, 4),
		      0.3);
	cr_expect_geq(chance(together, 20), 0.9, "one pool has one order");
	cr_expect_geq(chance(together, 1), 0.9);
	cr_expect_geq(chance(together, 0), 0.9);
}
