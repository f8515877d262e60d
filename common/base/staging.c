#include "common/base/staging.h"

#include "common/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char prefix[] = ".";
static const char suffix[] = ".new";

struct staged_file {
	int dirfd;
	dev_t device; /* the file system's */
	enum staging_mode mode;
	char *name;
	char *temporary;
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
	*file = (struct staged_file){.dirfd = dirfd, .mode = mode, .name = strdup(name)};
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

int stage_stream(struct staging *staging, int dirfd, const char *name,
		 enum staging_mode staging_mode, mode_t mode, int *ret_descriptor,
		 struct fault *fault)
{
	CLEANUP(close_descriptor) int descriptor = -1;
	struct staged_file *file;
	dev_t device = 0;
	bool found = false;

	if (name[0] == '\0' || strchr(name, '/') != NULL || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0)
		return set_fault(fault, FAULT_REFUSED, "\"%s\": expected a file name", name);
	if (staging_mode == STAGE_NEW && find_file(dirfd, name, &found, fault) < 0)
		return -1;
	if (found)
		return set_fault(fault, FAULT_REFUSED, "%s: exists already, and is not overwritten",
				 name);
	if (find_device(staging, dirfd, &device, fault) < 0)
		return -1;
	file = add_file(staging, dirfd, name, staging_mode, fault);
	if (file == NULL)
		return -1;
	file->device = device;
	descriptor = openat(dirfd, file->temporary,
			    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & 0600);
	if (descriptor < 0) {
		(void)set_errno_fault(fault, "%s: cannot be created", name);
		/* The file that is there is another process's: do not remove it later. */
		free(file->name);
		free(file->temporary);
		staging->count--;
		return -1;
	}
	/* openat(2) applies the umask, fchmod(2) does not. */
	if (fchmod(descriptor, mode) < 0) {
		staging->failed = true;
		return set_errno_fault(fault, "%s: mode", name);
	}
	*ret_descriptor = descriptor;
	descriptor = -1;
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
	CLEANUP(close_descriptor)
	int descriptor = openat(file->dirfd, file->temporary, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

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

static int name_file(const struct staged_file *file, struct fault *fault)
{
	unsigned int flags = file->mode == STAGE_NEW ? RENAME_NOREPLACE : 0;

	if (renameat2(file->dirfd, file->temporary, file->dirfd, file->name, flags) == 0)
		return 0;
	if (errno == EEXIST)
		return set_fault(fault, FAULT_REFUSED, "%s: exists already, and is not overwritten",
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

		if (i >= staging->named)
			(void)unlinkat(file->dirfd, file->temporary, 0);
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

int sweep_staged_file(int dirfd, const char *name, struct fault *fault)
{
	CLEANUP(free_string) char *temporary = NULL;

	if (asprintf(&temporary, "%s%s%s", prefix, name, suffix) < 0) {
		temporary = NULL;
		return set_memory_fault(fault);
	}
	return remove_file(dirfd, temporary, fault);
}

int write_file(int dirfd, const char *name, enum staging_mode staging_mode, mode_t mode,
	       struct bytes content, struct fault *fault)
{
	CLEANUP(free_staging) struct staging *staging = NULL;

	if (new_staging(&staging, fault) < 0 ||
	    stage_file(staging, dirfd, name, staging_mode, mode, content, fault) < 0)
		return -1;
	return commit_staging(staging, fault);
}
