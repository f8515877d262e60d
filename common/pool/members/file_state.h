#ifndef CERTPOOL_POOL_MEMBERS_FILE_STATE_H
#define CERTPOOL_POOL_MEMBERS_FILE_STATE_H

#include <stdbool.h>
#include <sys/stat.h>

/* Whether a file that was looked at twice is the same one, unchanged: where it is, how long, and
   when it was changed last. */
bool same_file_state(const struct stat *a, const struct stat *b);

#endif
