#ifndef CERTPOOL_LAYOUT_PATH_H
#define CERTPOOL_LAYOUT_PATH_H

#include "common/base/fault.h"

/* Paths as text. Owns: every result is the caller's, free. */

/* The path up to its last '/': "." without a '/', "/" for a file in the root directory. */
int split_directory(const char *path, char **ret_directory, struct fault *fault) MUST_CHECK;

/* Resolves the path from the directory. Unchanged if absolute, or if the directory is ".". */
int join_path(const char *directory, const char *path, char **ret_path,
	      struct fault *fault) MUST_CHECK;

/*
 * The canonical spelling of the path, for comparison: absolute (from the current directory),
 * without
 * ".", ".." and empty components. Symbolic links are not followed.
 */
int normalize_path(const char *path, char **ret_path, struct fault *fault) MUST_CHECK;

#endif
