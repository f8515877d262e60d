#include "common/ca/issue/free_space.h"

#include <inttypes.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	KIB = 1024,
	QUOTA_BLOCK = 1024, /* quotactl(2): the unit of limits */
};

uint64_t quota_left(const struct dqblk *quota)
{
	uint64_t limit = UINT64_MAX;

	if ((quota->dqb_valid & QIF_BLIMITS) == 0 || (quota->dqb_valid & QIF_SPACE) == 0)
		return UINT64_MAX;
	if (quota->dqb_bhardlimit > 0 && quota->dqb_bhardlimit < limit / QUOTA_BLOCK)
		limit = quota->dqb_bhardlimit * QUOTA_BLOCK;
	if (quota->dqb_bsoftlimit > 0 && quota->dqb_bsoftlimit < limit / QUOTA_BLOCK)
		limit = quota->dqb_bsoftlimit * QUOTA_BLOCK;
	if (limit == UINT64_MAX)
		return UINT64_MAX;
	return quota->dqb_curspace < limit ? limit - quota->dqb_curspace : 0;
}

/* Most file systems have no quotas, and some users none: that is no failure. */
static uint64_t read_quota(int dirfd, int type, uint32_t id)
{
	struct dqblk quota = {0};
	/* QCMD shifts into the sign bit of an int. */
	unsigned int command = QCMD((unsigned int)Q_GETQUOTA, (unsigned int)type);

	if (syscall(SYS_quotactl_fd, dirfd, command, id, &quota) < 0)
		return UINT64_MAX;
	return quota_left(&quota);
}

static int measure_free_space(int dirfd, uint64_t *ret_octets, struct fault *fault)
{
	struct statvfs status;
	uint64_t quotas[2];
	uint64_t space = 0;

	/* statvfs(3) knows a project's quota. */
	if (fstatvfs(dirfd, &status) < 0)
		return set_errno_fault(fault, "the free space cannot be measured");
	space = (uint64_t)status.f_bavail * status.f_frsize;
	/* Quotas do not bind the superuser. */
	if (geteuid() != 0) {
		quotas[0] = read_quota(dirfd, USRQUOTA, geteuid());
		quotas[1] = read_quota(dirfd, GRPQUOTA, getegid());
		for (size_t i = 0; i < COUNT_OF(quotas); i++)
			if (quotas[i] < space)
				space = quotas[i];
	}
	*ret_octets = space;
	return 0;
}

int check_free_space(int dirfd, struct store *store, uint64_t least, struct fault *fault)
{
	uint64_t space = 0;
	uint64_t reusable = 0;

	if (measure_free_space(dirfd, &space, fault) < 0)
		return -1;
	if (space >= least)
		return 0;
	if (measure_reusable(store, &reusable, fault) < 0)
		return -1;
	space += reusable < least / 2 ? reusable : least / 2;
	if (space >= least)
		return 0;
	return set_fault(fault, FAULT_BUSY,
			 "the CA's disk has %" PRIu64 " KiB left, expected %" PRIu64
			 ": it issues no certificate until there is room, and goes on revoking",
			 space / KIB, least / KIB);
}
