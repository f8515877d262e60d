#include "common/base/periodic_thread.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <unistd.h>

static void count_turn(void *context)
{
	atomic_int *turns = context;

	(void)atomic_fetch_add(turns, 1);
}

Test(periodic_thread, begins_at_once_and_goes_on)
{
	struct periodic_thread *keeper = NULL;
	atomic_int turns = 0;
	struct fault fault = {0};

	cr_assert_eq(start_periodic_thread(1, count_turn, &turns, &keeper, &fault), 0, "%s",
		     fault.text);
	while (atomic_load(&turns) < 3)
		(void)usleep(100);
	stop_periodic_thread(&keeper);
	cr_expect_null(keeper);
	stop_periodic_thread(&keeper);
}

/* The second turn would be in an hour: stopping does not wait for it. */
Test(periodic_thread, stops_between_turns, .timeout = 60)
{
	struct periodic_thread *keeper = NULL;
	atomic_int turns = 0;
	struct fault fault = {0};

	cr_assert_eq(start_periodic_thread(3600 * 1000, count_turn, &turns, &keeper, &fault), 0,
		     "%s", fault.text);
	while (atomic_load(&turns) < 1)
		(void)usleep(100);
	stop_periodic_thread(&keeper);
	cr_expect_eq(atomic_load(&turns), 1);
}
