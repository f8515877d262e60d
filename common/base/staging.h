#ifndef CERTPOOL_BASE_STAGING_H
#define CERTPOOL_BASE_STAGING_H

#include "common/base/bytes.h"

#include <sys/types.h>

/*
 * Files that come into being together and durably. Each is written under a temporary name
 * (".NAME.new") in the directory where it will stand; commit_staging makes all of them durable with
 * one syncfs for each file system touched (one fsync when there is just one file), then gives them
 * their names, then makes the names durable. Whoever is killed in between leaves temporary files,
 * which sweep_staging removes, and never a file that is half written under its own name. An fsync
 * that failed is not tried again: the commit fails.
 *
 * Not done: all-or-nothing over several files. A kill between two renames leaves the first. Files
 * are renamed in the order in which they were staged, so stage what others depend on first.
 */
struct staging;

int new_staging(struct staging **ret_staging, struct fault *fault) MUST_CHECK;

enum staging_mode {
	STAGE_NEW, /* commit refuses (FAULT_REFUSED) when the name exists; nothing is overwritten */
	STAGE_REPLACE, /* commit replaces what has the name, atomically */
};

/*
 * Writes the content under the temporary name, created with `mode` (O_EXCL, whatever the umask).
 * dirfd must stay open until the staging is freed; name is one path component and is copied.
 */
int stage_file(struct staging *staging, int dirfd, const char *name, enum staging_mode staging_mode,
	       mode_t mode, struct bytes content, struct fault *fault) MUST_CHECK;

/*
 * The same for what is too long for memory: makes the temporary file, empty, and opens it. Who
 * wrote less than all to it does not commit.
 * Owns: close_descriptor.
 */
int stage_stream(struct staging *staging, int dirfd, const char *name,
		 enum staging_mode staging_mode, mode_t mode, int *ret_descriptor,
		 struct fault *fault) MUST_CHECK;

int commit_staging(struct staging *staging, struct fault *fault) MUST_CHECK;

/* Frees; what was staged and not committed is removed. */
void free_staging(struct staging **staging);

/*
 * Removes the temporary files that a killed process left in the directory. The caller holds the
 * lock that whoever stages there holds.
 */
int sweep_staging(int dirfd, struct fault *fault) MUST_CHECK;

/* The same for the temporary file of that name alone, where others may be staging. */
int sweep_staged_file(int dirfd, const char *name, struct fault *fault) MUST_CHECK;

/* Stages and commits one file. */
int write_file(int dirfd, const char *name, enum staging_mode staging_mode, mode_t mode,
	       struct bytes content, struct fault *fault) MUST_CHECK;

#endif
