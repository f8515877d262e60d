#include "common/base/random.h"

#include "tests/support/expect.h"
#include "tests/unit/base/failing.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* catalogue 102: no fallback when the kernel gives no randomness */
Test(random, fails_when_the_kernel_gives_none)
{
	static const int errors[] = {ENOSYS, EFAULT, EAGAIN, EPERM};

	for (size_t i = 0; i < COUNT_OF(errors); i++) {
		uint8_t data[32] = {0};
		uint64_t draw = 42;

		failing_getrandom = (struct failing_call){.error = errors[i], .left = 2};
		REFUSED(fill_random(data, sizeof(data), &fault), FAULT_FAILED,
			"getrandom: no random octets");
		cr_expect_eq(draw_below(10, &draw, NULL), -1);
		cr_expect_eq(draw, 42);
		cr_expect_eq(failing_getrandom.count, 2);
	}
}

/* catalogue 81, 102 */
Test(random, goes_on_after_interruptions_and_short_counts)
{
	uint8_t data[32] = {0};
	unsigned int zeros = 0;

	failing_getrandom = (struct failing_call){.error = EINTR, .skip = 3, .left = 3, .most = 5};
	cr_expect_eq(fill_random(data, sizeof(data), NULL), 0);
	cr_expect_eq(failing_getrandom.count, 7 + 3);
	for (size_t i = 0; i < sizeof(data); i++)
		zeros += data[i] == 0;
	cr_expect_lt(zeros, 8, "octets were not filled");
}

/* catalogue 103 */
Test(random, is_not_duplicated_by_fork)
{
	uint8_t ours[16] = {0};
	uint8_t theirs[16] = {0};
	int ends[2];
	pid_t child;

	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(fill_random(ours, sizeof(ours), NULL), 0);
	child = fork();
	cr_assert_geq(child, 0);
	if (child == 0) {
		int failed = fill_random(theirs, sizeof(theirs), NULL) < 0 ||
			     write(ends[1], theirs, sizeof(theirs)) != (ssize_t)sizeof(theirs);

		_exit(failed);
	}
	cr_expect_eq(fill_random(ours, sizeof(ours), NULL), 0);
	cr_expect_eq(read(ends[0], theirs, sizeof(theirs)), (ssize_t)sizeof(theirs));
	cr_expect_eq(waitpid(child, NULL, 0), child);
	cr_expect_neq(memcmp(ours, theirs, sizeof(ours)), 0);
}

Test(random, fills_nothing_when_asked_for_nothing)
{
	failing_getrandom = (struct failing_call){0};
	cr_expect_eq(fill_random(NULL, 0, NULL), 0);
	cr_expect_eq(failing_getrandom.count, 0);
}

/* Each of 20 is drawn 1000 times in the mean; 5 standard deviations are 154. */
Test(random, draws_uniformly)
{
	unsigned int counts[20] = {0};

	for (size_t i = 0; i < 20000; i++) {
		uint64_t draw = 20;

		cr_assert_eq(draw_below(20, &draw, NULL), 0);
		cr_assert_lt(draw, 20);
		counts[draw]++;
	}
	for (size_t i = 0; i < COUNT_OF(counts); i++)
		cr_expect(counts[i] > 800 && counts[i] < 1200, "%zu was drawn %u times", i,
			  counts[i]);
}

Test(random, draws_below_bounds_of_any_size)
{
	static const uint64_t bounds[] = {
		1, 2, 3, UINT64_C(1) << 63, (UINT64_C(1) << 63) + 1, UINT64_MAX};

	for (size_t i = 0; i < COUNT_OF(bounds); i++) {
		for (size_t j = 0; j < 100; j++) {
			uint64_t draw = UINT64_MAX;

			cr_assert_eq(draw_below(bounds[i], &draw, NULL), 0);
			cr_expect_lt(draw, bounds[i]);
		}
	}
}
