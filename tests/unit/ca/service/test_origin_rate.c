#include "common/ca/service/origin_rate.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define S_US INT64_C(1000000)

static struct origin_rate *make_rate(size_t per_minute)
{
	struct origin_rate *rate = NULL;

	OK(new_origin_rate(per_minute, &rate, &fault));
	return rate;
}

/* catalogue 108. Two origins share a bucket once in 16,384 times; that three of ten share one with
   the first has a probability below 10^-10. */
Test(origin_rate, of_one_origin_does_not_count_for_another)
{
	CLEANUP(free_origin_rate) struct origin_rate *rate = make_rate(2);
	unsigned int granted = 0;
	int64_t wait_s = 0;

	cr_expect(charge_origin(rate, "192.0.2.1", S_US, &wait_s));
	cr_expect(charge_origin(rate, "192.0.2.1", S_US, &wait_s));
	cr_expect_not(charge_origin(rate, "192.0.2.1", S_US, &wait_s));
	cr_expect_eq(wait_s, 30);
	for (unsigned int i = 0; i < 10; i++) {
		char origin[32];

		(void)snprintf(origin, sizeof(origin), "2001:db8:0:%x::/64", i);
		granted += charge_origin(rate, origin, S_US, &wait_s);
	}
	cr_expect_geq(granted, 8);
	cr_expect(charge_origin(rate, "192.0.2.1", 31 * S_US, &wait_s));
}

/* The table does not grow with them. Some 30 of 1,000 share a bucket with another, be they as near
   each other as here, and whatever the key. */
Test(origin_rate, of_any_number_of_origins_is_counted)
{
	for (int key = 0; key < 100; key++) {
		CLEANUP(free_origin_rate) struct origin_rate *rate = make_rate(1);
		unsigned int granted = 0;
		int64_t wait_s = 0;

		for (unsigned int i = 0; i < 1000; i++) {
			char origin[32];

			(void)snprintf(origin, sizeof(origin), "2001:db8:0:%x::/64", i);
			granted += charge_origin(rate, origin, S_US, &wait_s);
			cr_expect_not(charge_origin(rate, origin, S_US, &wait_s), "%s", origin);
		}
		cr_expect_gt(granted, 900);
	}
}

Test(origin_rate, of_0_is_no_limit)
{
	CLEANUP(free_origin_rate) struct origin_rate *rate = make_rate(0);
	int64_t wait_s = 0;

	for (int i = 0; i < 1000; i++)
		cr_expect(charge_origin(rate, "192.0.2.1", S_US, &wait_s));
}
