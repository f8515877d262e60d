#ifndef CERTPOOL_CA_ISSUE_FREE_SPACE_H
#define CERTPOOL_CA_ISSUE_FREE_SPACE_H

#include "common/ca/store/store.h"

#include <sys/quota.h>

/*
 * The room that certificates leave on the disk, so that revocations go on when it fills.
 *
 * Refuses when this process has room for less than `least` octets: the least of what is free for it
 * on the directory's file system and, unless it is the superuser, of what its user's and its
 * group's quotas leave (quotactl(2); a project's quota shows in statvfs(3)); and, up to half of
 * `least`, what was freed inside the record, into which neither the database's log nor a CRL can be
 * written. The text is for any client. Errors: FAULT_BUSY; FAULT_FAILED when it cannot be measured.
 */
int check_free_space(int dirfd, struct store *store, uint64_t least,
		     struct fault *fault) MUST_CHECK;

/* What a quota leaves, in octets: of its limits the lower one counts, as a soft limit becomes a
   hard one after its time. UINT64_MAX without a limit. */
uint64_t quota_left(const struct dqblk *quota);

#endif
