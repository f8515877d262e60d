#ifndef CERTPOOL_BASE_SANDBOX_H
#define CERTPOOL_BASE_SANDBOX_H

#include "common/base/fault.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * What a process gives up for good, so that a parser that is taken over has less to offer: files
 * outside some folders (Landlock), and all system calls but some (seccomp). Both hold for threads
 * that are made later, and for children. Neither takes anything back from a descriptor that is
 * open.
 *
 * A kernel may have neither: *ret_applied is then false, and the process goes on. Everything else
 * is an error. In a program that was built with WITHOUT_SANDBOX (for sanitizers and coverage, which
 * write files and trace their own process) nothing is applied, and nothing said about it.
 */

enum { SANDBOX_READ = 1, SANDBOX_WRITE = 2 };

/* A folder with all that is in it, or a file that is not replaced. Shape: descriptor -1: the path
   is opened, and left out when there is nothing. */
struct sandbox_path {
	int descriptor;
	const char *path;
	int access; /* SANDBOX_READ, with SANDBOX_WRITE or without */
};

/* Shape: the process has one thread. */
int restrict_files(const struct sandbox_path *paths, size_t count, bool *ret_applied,
		   struct fault *fault) MUST_CHECK;

/*
 * Allows the calls of these names alone; any other fails with ENOSYS, as on a kernel that lacks it.
 * A name that this machine's kernel does not know is passed over.
 * Shape: the process has one thread; the list ends with NULL.
 */
int restrict_system_calls(const char *const *names, bool *ret_applied,
			  struct fault *fault) MUST_CHECK;

#endif
