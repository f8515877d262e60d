#include "tests/support/scratch.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CONTENT_SIZE = 65536, DESCRIPTORS = 16 };

void make_scratch(struct scratch *scratch)
{
	const char *parent = getenv("TMPDIR");

	(void)umask(022);
	(void)snprintf(scratch->path, sizeof(scratch->path), "%s/certpool-test-XXXXXX",
		       parent != NULL ? parent : "/tmp");
	cr_assert_not_null(mkdtemp(scratch->path), "%s cannot be made", scratch->path);
	scratch->dirfd = open(scratch->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_geq(scratch->dirfd, 0, "%s cannot be opened", scratch->path);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	(void)type;
	(void)place;
	return remove(path);
}

void remove_scratch(struct scratch *scratch)
{
	(void)close(scratch->dirfd);
	cr_expect_eq(nftw(scratch->path, remove_entry, DESCRIPTORS, FTW_DEPTH | FTW_PHYS), 0,
		     "%s cannot be removed", scratch->path);
}

void put_bytes(int dirfd, const char *name, struct bytes content, mode_t mode)
{
	int descriptor = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	cr_assert_geq(descriptor, 0, "%s cannot be made", name);
	cr_assert_eq(write(descriptor, content.data, content.len), (ssize_t)content.len);
	cr_assert_eq(fchmod(descriptor, mode), 0);
	(void)close(descriptor);
}

void put_file(int dirfd, const char *name, const char *content, mode_t mode)
{
	put_bytes(dirfd, name, bytes_of_string(content), mode);
}

bool file_holds(int dirfd, const char *name, const char *content)
{
	char found[CONTENT_SIZE];
	int descriptor = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	ssize_t len = descriptor < 0 ? -1 : read(descriptor, found, sizeof(found));

	if (descriptor >= 0)
		(void)close(descriptor);
	return len == (ssize_t)strlen(content) && memcmp(found, content, (size_t)len) == 0;
}

bool file_exists(int dirfd, const char *name)
{
	struct stat status;

	return fstatat(dirfd, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

unsigned int mode_of(int dirfd, const char *name)
{
	struct stat status;

	cr_assert_eq(fstatat(dirfd, name, &status, AT_SYMLINK_NOFOLLOW), 0, "%s: nothing there",
		     name);
	return status.st_mode & 07777;
}

size_t count_entries(int dirfd)
{
	int descriptor = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = fdopendir(descriptor);
	const struct dirent *entry;
	size_t count = 0;

	cr_assert_not_null(listing);
	while ((entry = readdir(listing)) != NULL)
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	(void)closedir(listing);
	return count;
}
