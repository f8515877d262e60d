#ifndef CERTPOOL_LAYOUT_PATH_H
#define CERTPOOL_LAYOUT_PATH_H

#include "common/base/fault.h"

/* Paths as text. All results are the caller's, free. */

/* What a file's path says before its last '/': "." when there is none, "/" for the root. */
int split_directory(const char *path, char **ret_directory, struct fault *fault) MUST_CHECK;

/* The path as seen from the directory: itself when absolute or the directory is ".". */
int join_path(const char *directory, const char *path, char **ret_path,
	      struct fault *fault) MUST_CHECK;

/*
 * The same place in one spelling, for comparing: absolute (from the current directory), without
 * ".", ".." and empty components. By text alone: links are not looked at.
 */
int normalize_path(const char *path, char **ret_path, struct fault *fault) MUST_CHECK;

#endif
