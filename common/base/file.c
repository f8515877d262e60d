#include "common/base/file.h"

#include "common/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	READ_STEP = 65536,
	NOEXEC_SEAL = 8, /* MFD_NOEXEC_SEAL, which is younger than Debian 12's headers */
};

void close_descriptor(int *descriptor)
{
	if (*descriptor >= 0)
		(void)close(*descriptor);
	*descriptor = -1;
}

/* open(2) below dirfd without leaving it; a path from the user (AT_FDCWD) may be a link. */
static int open_below(int dirfd, const char *name, int flags, mode_t mode)
{
	struct open_how how = {.flags = (uint64_t)(unsigned int)(flags | O_CLOEXEC | O_NOFOLLOW),
			       .mode = (flags & O_CREAT) != 0 ? mode : 0,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
	long descriptor;

	if (dirfd == AT_FDCWD)
		return open(name, flags | O_CLOEXEC, mode);
	do
		descriptor = syscall(SYS_openat2, dirfd, name, &how, sizeof(how));
	while (descriptor < 0 && (errno == EINTR || errno == EAGAIN));
	return (int)descriptor;
}

static const char *describe_type(mode_t mode)
{
	static const struct {
		mode_t type;
		const char *name;
	} types[] = {{S_IFDIR, "a directory"},   {S_IFLNK, "a symbolic link"},
		     {S_IFIFO, "a FIFO"},        {S_IFSOCK, "a socket"},
		     {S_IFCHR, "a device"},      {S_IFBLK, "a device"},
		     {S_IFREG, "a regular file"}};

	for (size_t i = 0; i < COUNT_OF(types); i++)
		if ((mode & S_IFMT) == types[i].type)
			return types[i].name;
	return "something else";
}

/* Explains, from errno, why open_below failed. */
static int set_open_fault(int dirfd, const char *name, const char *expected, struct fault *fault)
{
	int number = errno;
	struct stat status;

	if (number == ENOTDIR && fstatat(dirfd, name, &status, AT_SYMLINK_NOFOLLOW) == 0)
		return set_fault(fault, FAULT_REFUSED, "%s: expected %s, found %s", name, expected,
				 describe_type(status.st_mode));
	errno = number;
	if (errno == ELOOP)
		return set_fault(fault, FAULT_REFUSED, "%s: expected %s, found a symbolic link",
				 name, expected);
	if (errno == EXDEV)
		return set_fault(fault, FAULT_REFUSED,
				 "%s: expected %s inside its directory, found a way out of it",
				 name, expected);
	return set_errno_fault(fault, "%s", name);
}

int open_directory(int dirfd, const char *name, int *ret_dirfd, struct fault *fault)
{
	int descriptor = open_below(dirfd, name, O_RDONLY | O_DIRECTORY, 0);

	if (descriptor < 0)
		return set_open_fault(dirfd, name, "a directory", fault);
	*ret_dirfd = descriptor;
	return 0;
}

static int make_parents(const char *path, struct fault *fault)
{
	CLEANUP(free_string) char *prefix = strdup(path);

	if (prefix == NULL)
		return set_memory_fault(fault);
	for (char *slash = strchr(prefix + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(prefix, 0777) < 0 && errno != EEXIST)
			return set_errno_fault(fault, "%s: cannot make the directory", prefix);
		*slash = '/';
	}
	return 0;
}

/*
 * Opens the directory of the path's last component, and cuts the path before that component.
 * mkdirat(2) would follow links and ".." on the way there; open_directory does not.
 */
static int open_parent(int dirfd, char *path, char **ret_last, int *ret_parent, struct fault *fault)
{
	char *slash = strrchr(path, '/');

	*ret_last = slash != NULL ? slash + 1 : path;
	if (slash == NULL)
		return open_directory(dirfd, ".", ret_parent, fault);
	if (slash == path)
		return open_directory(dirfd, "/", ret_parent, fault);
	*slash = '\0';
	return open_directory(dirfd, path, ret_parent, fault);
}

int make_directory(int dirfd, const char *name, mode_t mode, int *ret_dirfd, struct fault *fault)
{
	CLEANUP(close_descriptor) int descriptor = -1;
	CLEANUP(close_descriptor) int parent = -1;
	CLEANUP(free_string) char *path = strdup(name);
	char *last;
	bool made;

	if (path == NULL)
		return set_memory_fault(fault);
	for (size_t len = strlen(path); len > 1 && path[len - 1] == '/'; len--)
		path[len - 1] = '\0';
	if (dirfd == AT_FDCWD && name[0] != '\0' && make_parents(path, fault) < 0)
		return -1;
	if (open_parent(dirfd, path, &last, &parent, fault) < 0)
		return -1;
	made = mkdirat(parent, *last != '\0' ? last : ".", mode) == 0;
	if (!made && errno != EEXIST)
		return set_errno_fault(fault, "%s: cannot make the directory", name);
	if (open_directory(dirfd, name, &descriptor, fault) < 0)
		return -1;
	if (made && (fchmod(descriptor, mode) < 0 || fsync(descriptor) < 0 || fsync(parent) < 0))
		return set_errno_fault(fault, "%s: directory", name);
	*ret_dirfd = descriptor;
	descriptor = -1;
	return 0;
}

int check_private_directory(int dirfd, const char *name, struct fault *fault)
{
	struct stat status;

	if (fstat(dirfd, &status) < 0)
		return set_errno_fault(fault, "%s", name);
	if (status.st_uid != geteuid())
		return set_fault(fault, FAULT_REFUSED,
				 "%s: expected a directory of user %u, found one of user %u", name,
				 (unsigned int)geteuid(), (unsigned int)status.st_uid);
	if ((status.st_mode & 077) != 0)
		return set_fault(fault, FAULT_REFUSED,
				 "%s: expected mode 0700, found %04o: others may enter; run chmod "
				 "700 %s",
				 name, (unsigned int)status.st_mode & 07777, name);
	return 0;
}

void close_listing(DIR **listing)
{
	if (*listing != NULL)
		(void)closedir(*listing);
}

int open_listing(int dirfd, DIR **ret_listing, struct fault *fault)
{
	CLEANUP(close_descriptor)
	int descriptor = open_below(dirfd, ".", O_RDONLY | O_DIRECTORY, 0);
	DIR *listing = descriptor < 0 ? NULL : fdopendir(descriptor);

	if (listing == NULL)
		return set_errno_fault(fault, "cannot be listed");
	descriptor = -1;
	*ret_listing = listing;
	return 0;
}

int read_listing(DIR *listing, const char **ret_name, struct fault *fault)
{
	const struct dirent *entry;

	errno = 0;
	entry = readdir(listing);
	if (entry == NULL && errno != 0)
		return set_errno_fault(fault, "cannot be listed");
	*ret_name = entry != NULL ? entry->d_name : NULL;
	return 0;
}

int find_file(int dirfd, const char *name, bool *ret_found, struct fault *fault)
{
	struct stat status;
	bool found = fstatat(dirfd, name, &status, AT_SYMLINK_NOFOLLOW) == 0;

	if (!found && errno != ENOENT && errno != ENOTDIR)
		return set_errno_fault(fault, "%s", name);
	*ret_found = found;
	return 0;
}

bool same_file_state(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       equal_times(a->st_mtim, b->st_mtim) && equal_times(a->st_ctim, b->st_ctim);
}

static int check_regular(const struct stat *status, const char *name, struct fault *fault)
{
	if (S_ISREG(status->st_mode))
		return 0;
	return set_fault(fault, FAULT_REFUSED, "%s: expected a regular file, found %s", name,
			 describe_type(status->st_mode));
}

/*
 * Refuses a file of another kind without opening it: opening a FIFO wakes its writer, and opening a
 * device may do anything. The caller checks the opened file again.
 */
static int check_before_opening(int dirfd, const char *name, struct fault *fault)
{
	int flags = dirfd == AT_FDCWD ? 0 : AT_SYMLINK_NOFOLLOW;
	struct stat status;

	if (fstatat(dirfd, name, &status, flags) < 0)
		return 0;
	return check_regular(&status, name, fault);
}

static int open_regular(int dirfd, const char *name, struct stat *ret_status, int *ret_descriptor,
			struct fault *fault)
{
	CLEANUP(close_descriptor) int descriptor = -1;

	if (check_before_opening(dirfd, name, fault) < 0)
		return -1;
	descriptor = open_below(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (descriptor < 0)
		return set_open_fault(dirfd, name, "a regular file", fault);
	if (fstat(descriptor, ret_status) < 0)
		return set_errno_fault(fault, "%s", name);
	if (check_regular(ret_status, name, fault) < 0)
		return -1;
	*ret_descriptor = descriptor;
	descriptor = -1;
	return 0;
}

static ssize_t read_some(int descriptor, uint8_t *data, size_t len)
{
	ssize_t got;

	do
		got = read(descriptor, data, len);
	while (got < 0 && errno == EINTR);
	return got;
}

/* How much to read at once: as the buffer has room for, and at most one octet over max. */
static size_t read_room(const struct buffer *content, size_t max)
{
	size_t left = max - content->len;
	size_t room =
		content->size > content->len + 1 ? content->size - content->len - 1 : READ_STEP;

	return left < room ? left + 1 : room;
}

static int read_to_end(int descriptor, const char *name, size_t max, struct buffer *content,
		       struct fault *fault)
{
	ssize_t got;

	do {
		size_t before = content->len;
		size_t room = read_room(content, max);
		uint8_t *begin = extend_buffer(content, room);

		if (begin == NULL)
			return set_memory_fault(fault);
		got = read_some(descriptor, begin, room);
		if (got < 0)
			return set_errno_fault(fault, "%s: cannot be read", name);
		content->len = before + (size_t)got;
		content->data[content->len] = '\0';
	} while (got > 0 && content->len <= max);
	if (content->len > max)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "%s: expected at most %zu octets, found more", name, max);
	return 0;
}

int read_stream(int descriptor, const char *name, size_t max, struct buffer *ret_content,
		struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer content = {0};

	if (read_to_end(descriptor, name, max, &content, fault) < 0)
		return -1;
	*ret_content = take_buffer(&content);
	return 0;
}

int read_file(int dirfd, const char *name, size_t max, struct buffer *ret_content,
	      struct fault *fault)
{
	CLEANUP(close_descriptor) int descriptor = -1;
	CLEANUP(clear_buffer) struct buffer content = {0};
	struct stat status;

	if (open_regular(dirfd, name, &status, &descriptor, fault) < 0)
		return -1;
	if ((uintmax_t)status.st_size > max)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "%s: expected at most %zu octets, found %jd", name, max,
				 (intmax_t)status.st_size);
	/* Just enough room for the file: a pool has many small files. */
	if (extend_buffer(&content, (size_t)status.st_size + 1) == NULL)
		return set_memory_fault(fault);
	content.len = 0;
	if (read_to_end(descriptor, name, max, &content, fault) < 0)
		return -1;
	*ret_content = take_buffer(&content);
	return 0;
}

static int check_secret_status(const struct stat *status, const char *name, struct fault *fault)
{
	if (status->st_uid != geteuid())
		return set_fault(fault, FAULT_REFUSED,
				 "%s: expected a file of user %u, found one of user %u", name,
				 (unsigned int)geteuid(), (unsigned int)status->st_uid);
	if ((status->st_mode & 077) != 0)
		return set_fault(
			fault, FAULT_REFUSED,
			"%s: expected mode 0600, found %04o: a secret that others can read; "
			"run chmod 600 on it, and make a new one if it may have been read",
			name, (unsigned int)status->st_mode & 07777);
	/* No link at all means that the file was replaced since it was opened. */
	if (status->st_nlink > 1)
		return set_fault(
			fault, FAULT_REFUSED,
			"%s: expected one link, found %ju: the secret has another name too", name,
			(uintmax_t)status->st_nlink);
	return 0;
}

int read_secret_file(int dirfd, const char *name, size_t max, struct secret *ret_content,
		     struct fault *fault)
{
	CLEANUP(close_descriptor) int descriptor = -1;
	CLEANUP(clear_secret) struct secret content = {0};
	struct stat status;
	size_t len = 0;

	if (open_regular(dirfd, name, &status, &descriptor, fault) < 0 ||
	    check_secret_status(&status, name, fault) < 0)
		return -1;
	if ((uintmax_t)status.st_size > max)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "%s: expected at most %zu octets, found %jd", name, max,
				 (intmax_t)status.st_size);
	if (allocate_secret((size_t)status.st_size, &content, fault) < 0)
		return -1;
	while (len < content.len) {
		ssize_t got = read_some(descriptor, content.data + len, content.len - len);

		if (got < 0)
			return set_errno_fault(fault, "%s: cannot be read", name);
		if (got == 0)
			return set_fault(fault, FAULT_FAILED, "%s: became shorter while read",
					 name);
		len += (size_t)got;
	}
	*ret_content = take_secret(&content);
	return 0;
}

int write_stream(int descriptor, const char *name, struct bytes content, struct fault *fault)
{
	while (content.len > 0) {
		ssize_t put = write(descriptor, content.data, content.len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return set_errno_fault(fault, "%s: cannot be written", name);
		content.data += put;
		content.len -= (size_t)put;
	}
	return 0;
}

/* A host may demand MFD_NOEXEC_SEAL (vm.memfd_noexec), which kernels before 6.3 refuse. */
int make_memory_file(const char *name, struct bytes content, int *ret_descriptor,
		     struct fault *fault)
{
	CLEANUP(close_descriptor) int descriptor = memfd_create(name, MFD_CLOEXEC | NOEXEC_SEAL);

	if (descriptor < 0 && errno == EINVAL)
		descriptor = memfd_create(name, MFD_CLOEXEC);
	if (descriptor < 0)
		return set_errno_fault(fault, "%s: memfd_create", name);
	if (write_stream(descriptor, name, content, fault) < 0)
		return -1;
	if (lseek(descriptor, 0, SEEK_SET) < 0)
		return set_errno_fault(fault, "%s: a file in memory", name);
	*ret_descriptor = descriptor;
	descriptor = -1;
	return 0;
}

int rename_file(int dirfd, const char *name, const char *new_name, struct fault *fault)
{
	if (renameat(dirfd, name, dirfd, new_name) == 0)
		return 0;
	if (errno == ENOENT)
		return set_fault(fault, FAULT_NOT_FOUND, "%s: not found", name);
	return set_errno_fault(fault, "%s: cannot be renamed to %s", name, new_name);
}

int link_file(int dirfd, const char *name, const char *new_name, struct fault *fault)
{
	if (linkat(dirfd, name, dirfd, new_name, 0) < 0)
		return set_errno_fault(fault, "%s: cannot be linked to %s", name, new_name);
	return 0;
}

int remove_file(int dirfd, const char *name, struct fault *fault)
{
	if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		return set_errno_fault(fault, "%s: cannot be removed", name);
	return 0;
}

int sync_directory(int dirfd, struct fault *fault)
{
	return fsync(dirfd) == 0 ? 0 : set_errno_fault(fault, "names cannot be made durable");
}

static int take_lock(int descriptor, enum lock_mode mode)
{
	int result;

	do
		result = flock(descriptor, LOCK_EX | (mode == LOCK_REFUSE ? LOCK_NB : 0));
	while (result < 0 && errno == EINTR);
	return result;
}

int lock_directory(int dirfd, const char *name, int *ret_descriptor, struct fault *fault)
{
	CLEANUP(close_descriptor) int descriptor = -1;

	if (open_directory(dirfd, name, &descriptor, fault) < 0)
		return -1;
	if (take_lock(descriptor, LOCK_WAIT) < 0)
		return set_errno_fault(fault, "%s: cannot be locked", name);
	*ret_descriptor = descriptor;
	descriptor = -1;
	return 0;
}

int lock_file(int dirfd, const char *name, enum lock_mode mode, int *ret_descriptor,
	      struct fault *fault)
{
	CLEANUP(close_descriptor) int descriptor = -1;
	struct stat status;
	int result;

	if (check_before_opening(dirfd, name, fault) < 0)
		return -1;
	descriptor = open_below(dirfd, name, O_RDWR | O_CREAT, 0600);
	if (descriptor < 0)
		return set_open_fault(dirfd, name, "a regular file", fault);
	if (fstat(descriptor, &status) < 0)
		return set_errno_fault(fault, "%s", name);
	if (check_regular(&status, name, fault) < 0)
		return -1;
	result = take_lock(descriptor, mode);
	if (result < 0 && errno == EWOULDBLOCK)
		return set_fault(fault, FAULT_BUSY, "%s: another process has this lock", name);
	if (result < 0)
		return set_errno_fault(fault, "%s: cannot be locked", name);
	*ret_descriptor = descriptor;
	descriptor = -1;
	return 0;
}
