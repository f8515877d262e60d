#ifndef CERTPOOL_BASE_STAGING_H
#define CERTPOOL_BASE_STAGING_H

#include "common/base/bytes.h"

#include <sys/types.h>

/*
 * Files that are created together and durably. Each file is written under a temporary name
 * (".NAME.new") in its final directory; commit_staging makes all of them durable with one syncfs
 * for each file system (one fsync when there is just one file), then renames them, then makes the
 * names durable. A process that is killed in between leaves temporary files, which sweep_staging
 * removes, and never a half-written file under its final name. A failed fsync is not retried: the
 * commit fails.
 *
 * Not done: all-or-nothing over several files. A kill between two renames leaves the first. Files
 * are renamed in the order in which they were staged, so stage a file before its dependents.
 */
struct staging;

/* Owns: free_staging. */
int new_staging(struct staging **ret_staging, struct fault *fault) MUST_CHECK;

enum staging_mode {
	STAGE_NEW,     /* the commit refuses (FAULT_REFUSED) to overwrite an existing file */
	STAGE_REPLACE, /* the commit replaces an existing file, atomically */
};

/*
 * Writes the content under the temporary name, created with `mode` (O_EXCL, whatever the umask).
 * dirfd must stay open until the staging is freed; name is one path component and is copied.
 */
int stage_file(struct staging *staging, int dirfd, const char *name, enum staging_mode staging_mode,
	       mode_t mode, struct bytes content, struct fault *fault) MUST_CHECK;

/*
 * The same for content that is too long for memory: creates the temporary file, empty, and opens
 * it. A caller that could not write all of the content must not commit.
 * Owns: close_descriptor.
 */
int stage_stream(struct staging *staging, int dirfd, const char *name,
		 enum staging_mode staging_mode, mode_t mode, int *ret_descriptor,
		 struct fault *fault) MUST_CHECK;

/*
 * The same for a file that has no name at all until the commit (O_TMPFILE), so that a killed
 * process leaves nothing. A file system without such files has it under the temporary name, after
 * one that a killed process left there was removed; FAULT_BUSY while another process writes it.
 */
int stage_unnamed(struct staging *staging, int dirfd, const char *name,
		  enum staging_mode staging_mode, mode_t mode, int *ret_descriptor,
		  struct fault *fault) MUST_CHECK;

/* Makes the files durable and gives them their names. After a failure it only fails again. */
int commit_staging(struct staging *staging, struct fault *fault) MUST_CHECK;

/* Frees, and removes the temporary files that were not committed. */
void free_staging(struct staging **staging);

/*
 * Removes the temporary files that a killed process left in the directory. The caller holds the
 * lock under which files are staged there.
 */
int sweep_staging(int dirfd, struct fault *fault) MUST_CHECK;

/* Stages and commits one file (stage_unnamed). */
int write_file(int dirfd, const char *name, enum staging_mode staging_mode, mode_t mode,
	       struct bytes content, struct fault *fault) MUST_CHECK;

#endif
