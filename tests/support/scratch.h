#ifndef CERTPOOL_TESTS_SUPPORT_SCRATCH_H
#define CERTPOOL_TESTS_SUPPORT_SCRATCH_H

#include "common/base/bytes.h"

#include <sys/types.h>

/*
 * An empty directory for one test, under $TMPDIR or /tmp. A failure to make or remove a file ends
 * the test. make_scratch sets the umask to 022.
 */
struct scratch {
	char path[256];
	int dirfd;
};

void make_scratch(struct scratch *scratch);
void remove_scratch(struct scratch *scratch);

/* Makes a file with the content and exactly the mode. */
void put_file(int dirfd, const char *name, const char *content, mode_t mode);
void put_bytes(int dirfd, const char *name, struct bytes content, mode_t mode);

/* True if the file's content is this text. */
bool file_holds(int dirfd, const char *name, const char *content);

/* True if the directory has an entry of that name. */
bool file_exists(int dirfd, const char *name);

/* The permission bits of the file, or of the link itself. */
unsigned int mode_of(int dirfd, const char *name);

/* The number of entries of a directory, without "." and "..". */
size_t count_entries(int dirfd);

#endif
