#include "common/x509/audit/order_chance.h"

#include "common/base/cleanup.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdint.h>

static double chance(const char *const *owners, size_t count)
{
	double found = 0;

	OK(find_order_chance(owners, NULL, &count, 1, &found, &fault));
	return found;
}

Test(order_chance, tells_an_order_that_chance_does_not_make)
{
	static const char *const names[] = {"a", "b", "c", "d"};
	static const char *together[2 * ORDER_MAX];
	static const char *in_turn[2 * ORDER_MAX];

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

Test(order_chance, is_that_of_all_lists_together)
{
	static const char *const pools[] = {"a", "b"};
	static const char *owners[365 * 20];
	size_t lengths[365];
	uint32_t state = 1;
	double found = 0;

	/* In a list of four, pairs lie together once in three times; not in twenty lists of twenty.
	 */
	for (size_t i = 0; i < 80; i++) {
		lengths[i / 4] = 4;
		owners[i] = pools[i / 2 % 2];
	}
	OK(find_order_chance(owners, NULL, lengths, 20, &found, &fault));
	cr_expect_lt(found, ORDER_CHANCE_MIN);

	/* One list as chance makes once in ten thousand times, beside 364 in random order. */
	for (size_t i = 0; i < COUNT_OF(owners); i++) {
		state = state * 1103515245 + 12345;
		lengths[i / 20] = 20;
		owners[i] = i < 20 ? pools[i / 10] : pools[state >> 16 & 1];
	}
	cr_expect_lt(chance(owners, 20), ORDER_CHANCE_MIN);
	OK(find_order_chance(owners, NULL, lengths, COUNT_OF(lengths), &found, &fault));
	cr_expect_geq(found, ORDER_CHANCE_MIN);
}

/* Numbers of one counter, which pools have in turn, or as chance has it. */
Test(order_chance, tells_steps_that_chance_does_not_make)
{
	static const char *const pools[] = {"a", "b", "c", "d"};
	static const char *in_turn[80];
	static const char *mixed[80];
	static uint64_t counted[80];
	static uint64_t scattered[80];
	const size_t length = 80;
	uint32_t state = 1;
	uint64_t last = 0;
	double found = 0;

	for (size_t i = 0; i < length; i++) {
		state = state * 1103515245 + 12345;
		in_turn[i] = pools[i % 4];
		mixed[i] = pools[state >> 16 & 3];
		counted[i] = i;
		scattered[i] = last += 1 + (uint64_t)state * state % (STEP_MODULUS / 100);
	}
	OK(find_order_chance(in_turn, counted, &length, 1, &found, &fault));
	cr_expect_lt(found, ORDER_CHANCE_MIN);
	OK(find_order_chance(mixed, counted, &length, 1, &found, &fault));
	cr_expect_geq(found, ORDER_CHANCE_MIN);
	OK(find_order_chance(in_turn, scattered, &length, 1, &found, &fault));
	cr_expect_geq(found, 0.9);
}

Test(order_chance, takes_remainders_of_whole_numbers)
{
	static const uint8_t modulus[] = {0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	static const uint8_t longer[] = {0x20, 0, 0, 0, 0, 0, 0, 5};

	cr_expect_eq(step_value((struct bytes){modulus, sizeof(modulus)}), 0);
	cr_expect_eq(step_value((struct bytes){longer, sizeof(longer)}), 6);
}
