#include "common/ca/issue/free_space.h"

#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <sys/statvfs.h>

static struct scratch_store scratch;
static struct store *store;

static void set_up(void)
{
	make_scratch_store(&scratch);
	store = open_scratch_store(&scratch);
}

static void tear_down(void)
{
	free_store(&store);
	remove_scratch_store(&scratch);
}

TestSuite(free_space, .init = set_up, .fini = tear_down);

/* catalogue 71 */
Test(free_space, refuses_when_less_is_left_than_is_asked_for)
{
	REFUSED(check_free_space(scratch.folder.dirfd, store, UINT64_MAX, &fault), FAULT_BUSY,
		"KiB left, expected 18014398509481983: it issues no certificate until there is "
		"room, and goes on revoking");
}

Test(free_space, says_when_it_cannot_be_measured)
{
	REFUSED(check_free_space(-1, store, 0, &fault), FAULT_FAILED,
		"the free space cannot be measured: Bad file descriptor");
}

/* Limits are in KiB, what is used in octets. */
Test(free_space, leaves_of_a_quota_what_its_lower_limit_leaves)
{
	static const struct {
		struct dqblk quota;
		uint64_t left;
	} rows[] = {
		{{.dqb_curspace = 1000}, UINT64_MAX},
		{{.dqb_curspace = 1000, .dqb_bhardlimit = 10}, 9240},
		{{.dqb_curspace = 1000, .dqb_bsoftlimit = 5}, 4120},
		{{.dqb_curspace = 1000, .dqb_bhardlimit = 10, .dqb_bsoftlimit = 5}, 4120},
		{{.dqb_curspace = 1000, .dqb_bhardlimit = 5, .dqb_bsoftlimit = 10}, 4120},
		{{.dqb_curspace = 20480, .dqb_bhardlimit = 10}, 0},
		{{.dqb_curspace = 10240, .dqb_bhardlimit = 10}, 0},
		{{.dqb_curspace = 1000, .dqb_bhardlimit = UINT64_MAX}, UINT64_MAX},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct dqblk quota = rows[i].quota;

		quota.dqb_valid = QIF_BLIMITS | QIF_SPACE;
		cr_expect_eq(quota_left(&quota), rows[i].left, "row %zu", i);
		/* The file system says which of the fields it has filled. */
		quota.dqb_valid = QIF_SPACE;
		cr_expect_eq(quota_left(&quota), UINT64_MAX, "row %zu", i);
		quota.dqb_valid = QIF_BLIMITS;
		cr_expect_eq(quota_left(&quota), UINT64_MAX, "row %zu", i);
	}
}

Test(free_space, counts_what_this_user_may_still_write)
{
	struct statvfs status;

	OK(check_free_space(scratch.folder.dirfd, store, 0, &fault));
	cr_assert_eq(fstatvfs(scratch.folder.dirfd, &status), 0);
	/* Others write to this disk, too. */
	OK(check_free_space(scratch.folder.dirfd, store,
			    (uint64_t)status.f_bavail * status.f_frsize / 2, &fault));
	REFUSED(check_free_space(scratch.folder.dirfd, store,
				 (uint64_t)(status.f_blocks + 1) * status.f_frsize, &fault),
		FAULT_BUSY, "the CA's disk has ");
}
