#ifndef CERTPOOL_TOOLS_SCRATCH_H
#define CERTPOOL_TOOLS_SCRATCH_H

#include "common/base/fault.h"

/*
 * Makes a directory below `parent` for the caller to work in, and removes it however the work ends.
 *
 * The process forks: the function returns in the child alone, with the directory's path, and the
 * child does the work. The parent waits for the child and for every process that the child leaves
 * behind, removes the directory and ends with the child's exit status. It answers SIGINT, SIGTERM
 * and SIGHUP by sending SIGTERM to the child. Only SIGKILL to the parent leaves the directory; the
 * child ends then too.
 *
 * Shape: the process has no other thread yet. `name` is the beginning of the directory's name.
 * Owns: the child frees *ret_path.
 */
int enter_scratch(const char *parent, const char *name, char **ret_path,
		  struct fault *fault) MUST_CHECK;

#endif
