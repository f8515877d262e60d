#ifndef CERTPOOL_BASE_FILE_H
#define CERTPOOL_BASE_FILE_H

#include "common/base/bytes.h"

#include <dirent.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * Files below a directory that is held open. `name` is one path component, or a relative path that
 * cannot leave the directory: "..", absolute paths and symbolic links on the way are refused
 * (openat2, RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS). Descriptors are close-on-exec. AT_FDCWD as
 * directory means a path that the user gave: links are followed, as every tool does.
 * Reads and writes go on after EINTR and short counts.
 */

/* close() for an `int` local under CLEANUP; -1 is none. */
void close_descriptor(int *descriptor);

/* Opens the directory for use as dirfd. FAULT_NOT_FOUND when there is none. */
int open_directory(int dirfd, const char *name, int *ret_dirfd, struct fault *fault) MUST_CHECK;

/*
 * Makes the directory (parents included when dirfd is AT_FDCWD) with the mode, whatever the umask,
 * unless it exists; opens it.
 */
int make_directory(int dirfd, const char *name, mode_t mode, int *ret_dirfd,
		   struct fault *fault) MUST_CHECK;

/* Opens the directory's listing from its beginning; closedir() for a `DIR *` local under CLEANUP.
 */
int open_listing(int dirfd, DIR **ret_listing, struct fault *fault) MUST_CHECK;
void close_listing(DIR **listing);

/*
 * Refuses (FAULT_REFUSED) a directory that is not ours (the effective user's) or that group or
 * others can enter or change. `name` is for the text.
 */
int check_private_directory(int dirfd, const char *name, struct fault *fault) MUST_CHECK;

/* True when there is something of that name, of whatever kind. */
bool file_exists(int dirfd, const char *name);

/*
 * Reads a regular file whole. Anything else (link, FIFO, device, directory) is refused without
 * being opened for reading. FAULT_NOT_FOUND; FAULT_TOO_LARGE over max octets.
 */
int read_file(int dirfd, const char *name, size_t max, struct buffer *ret_content,
	      struct fault *fault) MUST_CHECK;

/*
 * The same for a secret: it must also be ours, have one link, and have no permission for group or
 * others, else FAULT_REFUSED with the chmod that mends it.
 */
int read_secret_file(int dirfd, const char *name, size_t max, struct secret *ret_content,
		     struct fault *fault) MUST_CHECK;

/* Reads a stream (a pipe, a terminal, standard input) to its end. `name` is for the text. */
int read_stream(int descriptor, const char *name, size_t max, struct buffer *ret_content,
		struct fault *fault) MUST_CHECK;

int write_stream(int descriptor, const char *name, struct bytes content,
		 struct fault *fault) MUST_CHECK;

/*
 * Gives a file another name in the same directory, at once: what had that name is gone, and whoever
 * has it open keeps it. FAULT_NOT_FOUND.
 */
int rename_file(int dirfd, const char *name, const char *new_name, struct fault *fault) MUST_CHECK;

/* A success also when it is not there. */
int remove_file(int dirfd, const char *name, struct fault *fault) MUST_CHECK;

/* Makes durable which names there are in the directory. */
int sync_directory(int dirfd, struct fault *fault) MUST_CHECK;

/* What lock_file does when another process has the lock. */
enum lock_mode { LOCK_REFUSE, LOCK_WAIT };

/*
 * Creates the file if needed (0600) and takes an exclusive lock on it that lasts until the
 * descriptor is closed or the process ends, however it ends. LOCK_REFUSE: FAULT_BUSY when another
 * has it.
 */
int lock_file(int dirfd, const char *name, enum lock_mode mode, int *ret_descriptor,
	      struct fault *fault) MUST_CHECK;

/* Waits for an exclusive lock on the directory itself, which lasts as long. */
int lock_directory(int dirfd, const char *name, int *ret_descriptor,
		   struct fault *fault) MUST_CHECK;

#endif
