#ifndef CERTPOOL_TOOLS_VERB_SCRATCH_H
#define CERTPOOL_TOOLS_VERB_SCRATCH_H

#include "common/base/fault.h"

/*
 * Makes a directory of its own below `parent`, which is removed again whatever happens to the work
 * that is done in it, and lets a child process do that work: the function returns in the child
 * alone, with the path, and whatever the child then prints and ends with is what the command prints
 * and ends with. The process that was called waits for the child and for all processes that it
 * leaves behind, removes the directory, and ends. What it is told by SIGINT, SIGTERM or SIGHUP it
 * passes on. Killed with SIGKILL it takes its child with it, and leaves the directory.
 *
 * Shape: no other thread is running yet.
 */
int enter_scratch(const char *parent, const char *name, char **ret_path,
		  struct fault *fault) MUST_CHECK;

#endif
