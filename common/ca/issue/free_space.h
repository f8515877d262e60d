#ifndef CERTPOOL_CA_ISSUE_FREE_SPACE_H
#define CERTPOOL_CA_ISSUE_FREE_SPACE_H

#include "common/base/fault.h"

#include <stdint.h>

/*
 * The room that certificates leave on the disk, so that revocations go on when it fills.
 *
 * Refuses when this process can write less than `least` octets on the directory's file system: the
 * least of what is free there for it and, unless it is the superuser, of what its user's and its
 * group's quotas leave (quotactl(2); a project's quota shows in statvfs(3)). The text is for any
 * client. Errors: FAULT_BUSY; FAULT_FAILED when it cannot be measured.
 */
int check_free_space(int dirfd, uint64_t least, struct fault *fault) MUST_CHECK;

#endif
