#include "common/base/staging.h"

#include "common/base/clock.h"
#include "common/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char prefix[] = ".";
static const char suffix[] = ".new";

/* For a writer of the same name to be done, a moment later unless it is stopped. */
enum { NAMING_TRIES_MAX = 1000, NAMING_PAUSE_US = 2000 };

struct staged_file {
	int dirfd;
	dev_t device; /* the file system's */
	enum staging_mode mode;
	char *name;
	char *temporary;
	int descriptor; /* of stage_unnamed, else -1 */
	bool unnamed;   /* there is no file of the temporary name */
};

struct staging {
	struct staged_file *files;
	size_t count;
	size_t size;
	size_t named; /* how many have got their final name */
	bool failed;  /* a file could not be written, or made durable */
};

int new_staging(struct staging **ret_staging, struct fault *fault)
{
	struct staging *staging = calloc(1, sizeof(*staging));

	if (staging == NULL)
		return set_memory_fault(fault);
	*ret_staging = staging;
	return 0;
}

/* The new entry, or NULL with *fault filled. */
static struct staged_file *add_file(struct staging *staging, int dirfd, const char *name,
				    enum staging_mode mode, struct fault *fault)
{
	struct staged_file *file;

	if (staging->count == staging->size) {
		size_t size = staging->size > 0 ? staging->size * 2 : 16;
		struct staged_file *files = reallocarray(staging->files, size, sizeof(*files));

		if (files == NULL) {
			(void)set_memory_fault(fault);
			return NULL;
		}
		staging->files = files;
		staging->size = size;
	}
	file = &staging->files[staging->count];
	*file = (struct staged_file){
		.dirfd = dirfd, .mode = mode, .name = strdup(name), .descriptor = -1};
	if (file->name == NULL || asprintf(&file->temporary, "%s%s%s", prefix, name, suffix) < 0) {
		free(file->name);
		(void)set_memory_fault(fault);
		return NULL;
	}
	staging->count++;
	return file;
}

/* The file system of a directory, which is likely that of the file staged before. */
static int find_device(const struct staging *staging, int dirfd, dev_t *ret_device,
		       struct fault *fault)
{
	const struct staged_file *before =
		staging->count > 0 ? &staging->files[staging->count - 1] : NULL;
	struct stat status;

	if (before != NULL && before->dirfd == dirfd) {
		*ret_device = before->device;
		return 0;
	}
	if (fstat(dirfd, &status) < 0)
		return set_errno_fault(fault, "the directory to write to");
	*ret_device = status.st_dev;
	return 0;
}

/* The entry of a file that is about to be created; NULL with *fault filled. */
static struct staged_file *begin_file(struct staging *staging, int dirfd, const char *name,
				      enum staging_mode staging_mode, struct fault *fault)
{
	struct staged_file *file;
	dev_t device = 0;
	bool found = false;

	if (name[0] == '\0' || strchr(name, '/') != NULL || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0) {
		(void)set_fault(fault, FAULT_REFUSED, "\"%s\": expected a file name", name);
		return NULL;
	}
	if (staging_mode == STAGE_NEW && find_file(dirfd, name, &found, fault) < 0)
		return NULL;
	if (found) {
		(void)set_fault(fault, FAULT_REFUSED, "%s: exists already, and is not overwritten",
				name);
		return NULL;
	}
	if (find_device(staging, dirfd, &device, fault) < 0)
		return NULL;
	file = add_file(staging, dirfd, name, staging_mode, fault);
	if (file != NULL)
		file->device = device;
	return file;
}

/* Takes the last entry back: a file of the temporary name is another process's. */
static void drop_file(struct staging *staging)
{
	struct staged_file *file = &staging->files[--staging->count];

	free(file->name);
	free(file->temporary);
}

static int create_named(const struct staged_file *file, mode_t mode)
{
	return openat(file->dirfd, file->temporary,
		      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & 0600);
}

/* openat(2) applies the umask, fchmod(2) does not. */
static int set_mode(struct staging *staging, int descriptor, const char *name, mode_t mode,
		    struct fault *fault)
{
	if (fchmod(descriptor, mode) == 0)
		return 0;
	staging->failed = true;
	return set_errno_fault(fault, "%s: mode", name);
}

int stage_stream(struct staging *staging, int dirfd, const char *name,
		 enum staging_mode staging_mode, mode_t mode, int *ret_descriptor,
		 struct fault *fault)
{
	CLEANUP(close_descriptor) int descriptor = -1;
	struct staged_file *file = begin_file(staging, dirfd, name, staging_mode, fault);

	if (file == NULL)
		return -1;
	descriptor = create_named(file, mode);
	if (descriptor < 0) {
		(void)set_errno_fault(fault, "%s: cannot be created", name);
		drop_file(staging);
		return -1;
	}
	if (set_mode(staging, descriptor, name, mode, fault) < 0)
		return -1;
	*ret_descriptor = descriptor;
	descriptor = -1;
	return 0;
}

/*
 * Removes the file of the temporary name unless a process has it locked: then false, with errno
 * EWOULDBLOCK. One that was renamed meanwhile is no left-over, and what has the name then is
 * another writer's.
 */
static bool remove_left_over(const struct staged_file *file)
{
	CLEANUP(close_descriptor)
	int descriptor = openat(file->dirfd, file->temporary,
				O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat opened;
	struct stat named;

	if (descriptor < 0 && errno == ENOENT)
		return true;
	if (descriptor >= 0) {
		if (flock(descriptor, LOCK_EX | LOCK_NB) < 0)
			return false;
		if (fstat(descriptor, &opened) < 0 ||
		    fstatat(file->dirfd, file->temporary, &named, AT_SYMLINK_NOFOLLOW) < 0)
			return errno == ENOENT;
		if (opened.st_dev != named.st_dev || opened.st_ino != named.st_ino)
			return true;
	}
	return unlinkat(file->dirfd, file->temporary, 0) == 0 || errno == ENOENT;
}

/* Where there are no files without a name. As of one without, the lock tells the others that the
   file is in use. */
static int create_locked(const struct staged_file *file, mode_t mode, struct fault *fault)
{
	int descriptor = create_named(file, mode);

	if (descriptor < 0 && errno == EEXIST) {
		if (!remove_left_over(file))
			return set_fault(fault, FAULT_BUSY,
					 "%s: another process is writing it: try again",
					 file->name);
		descriptor = create_named(file, mode);
	}
	if (descriptor < 0)
		return set_errno_fault(fault, "%s: cannot be created", file->name);
	(void)flock(descriptor, LOCK_EX | LOCK_NB);
	return descriptor;
}

/* A file without a name gets one by its entry in /proc. */
static int create_unnamed(struct staged_file *file, mode_t mode, struct fault *fault)
{
	int descriptor = -1;

	errno = EOPNOTSUPP;
	if (access("/proc/self/fd", X_OK) == 0)
		descriptor =
			openat(file->dirfd, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, mode & 0600);
	file->unnamed = descriptor >= 0;
	if (file->unnamed) {
		(void)flock(descriptor, LOCK_EX | LOCK_NB);
		(void)remove_left_over(file);
		return descriptor;
	}
	if (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT)
		return create_locked(file, mode, fault);
	return set_errno_fault(fault, "%s: cannot be created", file->name);
}

int stage_unnamed(struct staging *staging, int dirfd, const char *name,
		  enum staging_mode staging_mode, mode_t mode, int *ret_descriptor,
		  struct fault *fault)
{
	struct staged_file *file = begin_file(staging, dirfd, name, staging_mode, fault);
	int descriptor;

	if (file == NULL)
		return -1;
	descriptor = create_unnamed(file, mode, fault);
	if (descriptor < 0) {
		drop_file(staging);
		return -1;
	}
	file->descriptor = descriptor;
	if (set_mode(staging, descriptor, name, mode, fault) < 0)
		return -1;
	descriptor = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
	if (descriptor < 0) {
		staging->failed = true;
		return set_errno_fault(fault, "%s: cannot be created", name);
	}
	*ret_descriptor = descriptor;
	return 0;
}

int stage_file(struct staging *staging, int dirfd, const char *name, enum staging_mode staging_mode,
	       mode_t mode, struct bytes content, struct fault *fault)
{
	CLEANUP(close_descriptor) int descriptor = -1;

	if (stage_stream(staging, dirfd, name, staging_mode, mode, &descriptor, fault) < 0)
		return -1;
	if (write_stream(descriptor, name, content, fault) < 0) {
		staging->failed = true;
		return -1;
	}
	return 0;
}

static int sync_one(const struct staged_file *file, struct fault *fault)
{
	CLEANUP(close_descriptor) int opened = -1;
	int descriptor = file->descriptor;

	if (descriptor < 0)
		descriptor = opened =
			openat(file->dirfd, file->temporary, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (descriptor < 0 || fsync(descriptor) < 0)
		return set_errno_fault(fault, "%s: cannot be made durable", file->name);
	return 0;
}

static bool same_directory(const struct staged_file *a, const struct staged_file *b)
{
	return a->dirfd == b->dirfd;
}

static bool same_file_system(const struct staged_file *a, const struct staged_file *b)
{
	return a->device == b->device;
}

/* Calls the function for one directory of each class that `same` defines, until a call fails. */
static int for_each_directory(const struct staging *staging,
			      bool (*same)(const struct staged_file *a,
					   const struct staged_file *b),
			      int (*function)(int dirfd), struct fault *fault)
{
	for (size_t i = 0; i < staging->count; i++) {
		bool repeated = false;

		/* Consecutive files are mostly in the same directory: look back at a few. */
		for (size_t j = i; j > 0 && i - j < 4 && !repeated; j--)
			repeated = same(&staging->files[j - 1], &staging->files[i]);
		if (!repeated && function(staging->files[i].dirfd) < 0)
			return set_errno_fault(fault, "%s: cannot be made durable",
					       staging->files[i].name);
	}
	return 0;
}

static int link_unnamed(const struct staged_file *file, const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file->descriptor);
	return linkat(AT_FDCWD, path, file->dirfd, name, AT_SYMLINK_FOLLOW);
}

/*
 * A link never replaces a file: the temporary name comes in between, for a moment. The file there
 * is a killed process's, or that of another writer of the same name, which has it locked: as a file
 * without a name can be linked but once, nobody may take it away.
 */
static int replace_unnamed(const struct staged_file *file)
{
	int tries = 0;
	int number;

	while (link_unnamed(file, file->temporary) < 0) {
		if (errno != EEXIST)
			return -1;
		if (remove_left_over(file))
			continue;
		if (errno != EWOULDBLOCK)
			return -1;
		if (++tries == NAMING_TRIES_MAX) {
			errno = EBUSY;
			return -1;
		}
		sleep_us(NAMING_PAUSE_US);
	}
	if (renameat2(file->dirfd, file->temporary, file->dirfd, file->name, 0) == 0)
		return 0;
	number = errno;
	(void)unlinkat(file->dirfd, file->temporary, 0);
	errno = number;
	return -1;
}

static int rename_temporary(const struct staged_file *file)
{
	if (file->unnamed && file->mode == STAGE_NEW)
		return link_unnamed(file, file->name);
	if (file->unnamed)
		return replace_unnamed(file);
	return renameat2(file->dirfd, file->temporary, file->dirfd, file->name,
			 file->mode == STAGE_NEW ? RENAME_NOREPLACE : 0);
}

static int name_file(const struct staged_file *file, struct fault *fault)
{
	if (rename_temporary(file) == 0)
		return 0;
	if (errno == EEXIST)
		return set_fault(fault, FAULT_REFUSED, "%s: exists already, and is not overwritten",
				 file->name);
	if (errno == EBUSY && file->unnamed)
		return set_fault(fault, FAULT_BUSY, "%s: another process is writing it: try again",
				 file->name);
	return set_errno_fault(fault, "%s: cannot be named", file->name);
}

static int sync_content(const struct staging *staging, struct fault *fault)
{
	if (staging->count == 1)
		return sync_one(&staging->files[0], fault);
	return for_each_directory(staging, same_file_system, syncfs, fault);
}

int commit_staging(struct staging *staging, struct fault *fault)
{
	/* After a failed fsync the kernel marks the pages clean: a second one proves nothing. */
	if (staging->failed)
		return set_fault(
			fault, FAULT_FAILED,
			"cannot commit: a file could not be written, or a commit has failed");
	staging->failed = true;
	if (sync_content(staging, fault) < 0)
		return -1;
	for (; staging->named < staging->count; staging->named++)
		if (name_file(&staging->files[staging->named], fault) < 0)
			return -1;
	if (for_each_directory(staging, same_directory, fsync, fault) < 0)
		return -1;
	staging->failed = false;
	return 0;
}

void free_staging(struct staging **staging_pointer)
{
	struct staging *staging = TAKE(*staging_pointer);

	if (staging == NULL)
		return;
	for (size_t i = 0; i < staging->count; i++) {
		struct staged_file *file = &staging->files[i];

		if (i >= staging->named && !file->unnamed)
			(void)unlinkat(file->dirfd, file->temporary, 0);
		close_descriptor(&file->descriptor);
		free(file->name);
		free(file->temporary);
	}
	free(staging->files);
	free(staging);
}

static bool is_temporary(const char *name)
{
	size_t len = strlen(name);

	return len > strlen(prefix) + strlen(suffix) && name[0] == prefix[0] &&
	       strcmp(name + len - strlen(suffix), suffix) == 0;
}

int sweep_staging(int dirfd, struct fault *fault)
{
	CLEANUP(close_listing) DIR *listing = NULL;
	const char *name = NULL;

	if (open_listing(dirfd, &listing, fault) < 0)
		return -1;
	do {
		if (read_listing(listing, &name, fault) < 0)
			return -1;
		if (name != NULL && is_temporary(name) && unlinkat(dirfd, name, 0) < 0 &&
		    errno != ENOENT)
			return set_errno_fault(fault, "%s: a left-over that cannot be removed",
					       name);
	} while (name != NULL);
	return 0;
}

int write_file(int dirfd, const char *name, enum staging_mode staging_mode, mode_t mode,
	       struct bytes content, struct fault *fault)
{
	CLEANUP(free_staging) struct staging *staging = NULL;
	CLEANUP(close_descriptor) int descriptor = -1;

	if (new_staging(&staging, fault) < 0 ||
	    stage_unnamed(staging, dirfd, name, staging_mode, mode, &descriptor, fault) < 0 ||
	    write_stream(descriptor, name, content, fault) < 0)
		return -1;
	return commit_staging(staging, fault);
}
