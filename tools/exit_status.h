#ifndef CERTPOOL_TOOLS_EXIT_STATUS_H
#define CERTPOOL_TOOLS_EXIT_STATUS_H

#include "common/base/fault.h"

/*
 * What a process ends with: 0 done, 1 failed, 2 usage, 3 verification failed or revoked, 4 not
 * found, 5 part of a batch failed, 6 refused by policy or authentication, 7 the other side cannot
 * be reached (try again).
 */
int exit_status(enum fault_class class);

#endif
