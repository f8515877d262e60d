#include "common/ca/issue/free_space.h"

#include "tests/support/expect.h"
#include "tests/support/scratch.h"

#include <criterion/criterion.h>
#include <sys/statvfs.h>

static struct scratch scratch;

static void set_up(void)
{
	make_scratch(&scratch);
}

static void tear_down(void)
{
	remove_scratch(&scratch);
}

TestSuite(free_space, .init = set_up, .fini = tear_down);

/* catalogue 71 */
Test(free_space, refuses_when_less_is_left_than_is_asked_for)
{
	REFUSED(check_free_space(scratch.dirfd, UINT64_MAX, &fault), FAULT_BUSY,
		"KiB left, expected 18014398509481983: it issues no certificate until there is "
		"room, and goes on revoking");
}

Test(free_space, says_when_it_cannot_be_measured)
{
	REFUSED(check_free_space(-1, 0, &fault), FAULT_FAILED,
		"the free space cannot be measured: Bad file descriptor");
}

Test(free_space, counts_what_this_user_may_still_write)
{
	struct statvfs status;

	OK(check_free_space(scratch.dirfd, 0, &fault));
	cr_assert_eq(fstatvfs(scratch.dirfd, &status), 0);
	/* Others write to this disk, too. */
	OK(check_free_space(scratch.dirfd, (uint64_t)status.f_bavail * status.f_frsize / 2,
			    &fault));
	REFUSED(check_free_space(scratch.dirfd, (uint64_t)(status.f_blocks + 1) * status.f_frsize,
				 &fault),
		FAULT_BUSY, "the CA's disk has ");
}
