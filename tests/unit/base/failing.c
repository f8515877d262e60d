#include "tests/unit/base/failing.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct failing_call failing_fsync;
struct failing_call failing_syncfs;
struct failing_call failing_rename;
struct failing_call failing_getrandom;
struct failing_call failing_stat;
struct failing_call failing_readdir;
void (*before_rename)(void);
bool no_unnamed_files;

static bool fails(struct failing_call *call)
{
	call->count++;
	if (call->skip > 0) {
		call->skip--;
		return false;
	}
	if (call->left == 0)
		return false;
	call->left--;
	if (call->error == 0)
		(void)raise(SIGKILL);
	errno = call->error;
	return true;
}

int fsync(int descriptor)
{
	return fails(&failing_fsync) ? -1 : (int)syscall(SYS_fsync, descriptor);
}

int syncfs(int descriptor)
{
	return fails(&failing_syncfs) ? -1 : (int)syscall(SYS_syncfs, descriptor);
}

int renameat2(int old_dirfd, const char *old_name, int new_dirfd, const char *new_name,
	      unsigned int flags)
{
	if (before_rename != NULL)
		before_rename();
	if (fails(&failing_rename))
		return -1;
	return (int)syscall(SYS_renameat2, old_dirfd, old_name, new_dirfd, new_name, flags);
}

int openat(int dirfd, const char *name, int flags, ...)
{
	mode_t mode = 0;
	va_list arguments;

	if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {
		va_start(arguments, flags);
		mode = va_arg(arguments, mode_t);
		va_end(arguments);
	}
	if ((flags & O_TMPFILE) == O_TMPFILE && no_unnamed_files) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return (int)syscall(SYS_openat, dirfd, name, flags, mode);
}

ssize_t getrandom(void *data, size_t len, unsigned int flags)
{
	size_t most = failing_getrandom.most;

	if (fails(&failing_getrandom))
		return -1;
	return syscall(SYS_getrandom, data, most > 0 && most < len ? most : len, flags);
}

int fstatat(int dirfd, const char *restrict name, struct stat *restrict status, int flags)
{
	if (fails(&failing_stat))
		return -1;
	return (int)syscall(SYS_newfstatat, dirfd, name, status, flags);
}

struct dirent *readdir(DIR *listing)
{
	struct dirent *(*real)(DIR *) = NULL;

	*(void **)&real = dlsym(RTLD_NEXT, "readdir");
	return fails(&failing_readdir) ? NULL : real(listing);
}
