#ifndef CERTPOOL_TESTS_SUPPORT_SCRATCH_H
#define CERTPOOL_TESTS_SUPPORT_SCRATCH_H

#include "common/base/bytes.h"

#include <sys/types.h>

/*
 * An empty directory of a test's own, under $TMPDIR or /tmp. What cannot be made or removed fails
 * the test. The umask of the test is 022 from then on.
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

/* Whether the file's content is this text. */
bool file_holds(int dirfd, const char *name, const char *content);

/* The permission bits, and those only, of what has the name (links are not followed). */
unsigned int mode_of(int dirfd, const char *name);

/* How many entries a directory has, besides "." and "..". */
size_t count_entries(int dirfd);

#endif
