#include "common/base/periodic_thread.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <unistd.h>

static void count_call(void *context)
{
	atomic_int *calls = context;

	(void)atomic_fetch_add(calls, 1);
}

Test(periodic_thread, calls_at_once_and_periodically)
{
	struct periodic_thread *thread = NULL;
	atomic_int calls = 0;

	OK(start_periodic_thread(1, count_call, &calls, &thread, &fault));
	while (atomic_load(&calls) < 3)
		(void)usleep(100);
	stop_periodic_thread(&thread);
	cr_expect_null(thread);
	stop_periodic_thread(&thread);
}

/* The second call would come in an hour: stopping does not wait for it. */
Test(periodic_thread, stops_between_calls, .timeout = 60)
{
	struct periodic_thread *thread = NULL;
	atomic_int calls = 0;

	OK(start_periodic_thread(3600 * 1000, count_call, &calls, &thread, &fault));
	while (atomic_load(&calls) < 1)
		(void)usleep(100);
	stop_periodic_thread(&thread);
	cr_expect_eq(atomic_load(&calls), 1);
}

/* Each interval is an hour. */
Test(periodic_thread, calls_earlier_when_it_is_hastened, .timeout = 60)
{
	struct periodic_thread *thread = NULL;
	atomic_int calls = 0;

	OK(start_periodic_thread(3600 * 1000, count_call, &calls, &thread, &fault));
	for (int expected = 2; expected <= 4; expected++) {
		hasten_periodic_thread(thread, expected == 3 ? 0 : 1);
		hasten_periodic_thread(thread, 7200 * 1000);
		while (atomic_load(&calls) < expected)
			(void)usleep(100);
	}
	stop_periodic_thread(&thread);
}
