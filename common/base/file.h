#ifndef CERTPOOL_BASE_FILE_H
#define CERTPOOL_BASE_FILE_H

#include "common/base/bytes.h"

#include <dirent.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/*
 * Files below a directory that is held open. `name` is one path component, or a relative path that
 * cannot leave the directory: "..", absolute paths and symbolic links on the way are refused
 * (openat2, RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS). With AT_FDCWD as the directory, the name is a
 * path that the user gave: symbolic links are followed, as in every tool. Descriptors are
 * close-on-exec. Reads and writes continue after EINTR and short counts.
 */

/* close() for an `int` local under CLEANUP; -1 means no descriptor. */
void close_descriptor(int *descriptor);

/* Opens the directory for use as dirfd. Errors: FAULT_NOT_FOUND. Owns: close_descriptor. */
int open_directory(int dirfd, const char *name, int *ret_dirfd, struct fault *fault) MUST_CHECK;

/*
 * Opens the directory, after making it with the mode, whatever the umask, if it does not exist.
 * Missing parents are made only when dirfd is AT_FDCWD. Owns: close_descriptor.
 */
int make_directory(int dirfd, const char *name, mode_t mode, int *ret_dirfd,
		   struct fault *fault) MUST_CHECK;

/* Opens the directory's listing at its beginning. Owns: close_listing, made for CLEANUP. */
int open_listing(int dirfd, DIR **ret_listing, struct fault *fault) MUST_CHECK;
void close_listing(DIR **listing);

/*
 * Refuses (FAULT_REFUSED) a directory that does not belong to the effective user, or that group or
 * others can enter or change. `name` is for the text.
 */
int check_private_directory(int dirfd, const char *name, struct fault *fault) MUST_CHECK;

/*
 * Whether the name exists: a file of any kind, or a symbolic link. Only ENOENT and ENOTDIR mean
 * that it does not: any other error says nothing about the file, and is a fault.
 */
int find_file(int dirfd, const char *name, bool *ret_found, struct fault *fault) MUST_CHECK;

/*
 * The name of the directory's next entry, borrowed until the next call; NULL at the end. Only the
 * end of the directory is the end: an error of readdir(3) is a fault.
 */
int read_listing(DIR *listing, const char **ret_name, struct fault *fault) MUST_CHECK;

/* Whether two calls of stat saw the same file, unchanged: its inode, size, mtime and ctime. */
bool same_file_state(const struct stat *a, const struct stat *b);

/*
 * Reads a whole regular file. Any other kind (link, FIFO, device, directory) is refused without
 * being opened for reading.
 * Owns: clear_buffer. Errors: FAULT_NOT_FOUND; FAULT_REFUSED; FAULT_TOO_LARGE over max octets.
 */
int read_file(int dirfd, const char *name, size_t max, struct buffer *ret_content,
	      struct fault *fault) MUST_CHECK;

/*
 * The same for a secret: the file must also belong to the effective user, have one link, and give
 * group and others no permission, else FAULT_REFUSED with the chmod that repairs it.
 */
int read_secret_file(int dirfd, const char *name, size_t max, struct secret *ret_content,
		     struct fault *fault) MUST_CHECK;

/* Reads a stream (a pipe, a terminal, standard input) to its end. `name` is for the text. */
int read_stream(int descriptor, const char *name, size_t max, struct buffer *ret_content,
		struct fault *fault) MUST_CHECK;

/* Writes all of the content to a stream. */
int write_stream(int descriptor, const char *name, struct bytes content,
		 struct fault *fault) MUST_CHECK;

/*
 * A file in memory, without a name, that has the content and stands at its beginning; no program
 * can be run from it, where the kernel knows how to forbid that. `name` is for the text and for
 * /proc. Owns: close_descriptor.
 */
int make_memory_file(const char *name, struct bytes content, int *ret_descriptor,
		     struct fault *fault) MUST_CHECK;

/*
 * Renames a file within its directory, atomically; a file that had the new name is replaced.
 * Errors: FAULT_NOT_FOUND.
 */
int rename_file(int dirfd, const char *name, const char *new_name, struct fault *fault) MUST_CHECK;

/* Gives a file a second name in its directory. Errors: FAULT_NOT_FOUND; FAULT_FAILED if the name is
   taken. */
int link_file(int dirfd, const char *name, const char *new_name, struct fault *fault) MUST_CHECK;

/* Removes a file. Succeeds also if the file does not exist. */
int remove_file(int dirfd, const char *name, struct fault *fault) MUST_CHECK;

/* Makes the directory's entries durable (fsync). */
int sync_directory(int dirfd, struct fault *fault) MUST_CHECK;

/* What lock_file does when another process has the lock. */
enum lock_mode { LOCK_REFUSE, LOCK_WAIT };

/*
 * Creates the file if needed (0600) and takes an exclusive lock on it (flock), which lasts until
 * the descriptor is closed or the process ends, however it ends. Owns: close_descriptor. Errors:
 * FAULT_BUSY when another process has the lock (LOCK_REFUSE).
 */
int lock_file(int dirfd, const char *name, enum lock_mode mode, int *ret_descriptor,
	      struct fault *fault) MUST_CHECK;

/* Waits for an exclusive lock on the directory itself, which lasts as long. Owns: close_descriptor.
 */
int lock_directory(int dirfd, const char *name, int *ret_descriptor,
		   struct fault *fault) MUST_CHECK;

#endif
