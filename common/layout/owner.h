#ifndef CERTPOOL_LAYOUT_OWNER_H
#define CERTPOOL_LAYOUT_OWNER_H

#include "common/base/fault.h"

/*
 * Refuses (FAULT_REFUSED) a directory of another user than the effective one, root included: what
 * root makes among a service's files, the service could not use. The text has the command to run
 * instead. name is for the text.
 */
int check_owner(int dirfd, const char *name, struct fault *fault) MUST_CHECK;

#endif
