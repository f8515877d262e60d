#ifndef CERTPOOL_BASE_TAR_H
#define CERTPOOL_BASE_TAR_H

#include "common/base/bytes.h"

#include <sys/types.h>

/*
 * Headers of a tar archive in the POSIX form (IEEE Std 1003.1, pax: ustar), for regular files
 * only. An archive holds, for each file, a block with its header, then its content, padded with
 * zeros to whole blocks; two blocks of zeros end it. A size of 8 GiB or more is written in base
 * 256, as GNU tar and libarchive do.
 */
enum { TAR_BLOCK_LEN = 512, TAR_NAME_SIZE = 101, TAR_END_LEN = 2 * TAR_BLOCK_LEN };

struct tar_entry {
	char name[TAR_NAME_SIZE];
	mode_t mode; /* permissions */
	uint64_t size;
	int64_t modified_s; /* from 0 to 8589934591 */
};

void format_tar_header(const struct tar_entry *entry, uint8_t ret_block[static TAR_BLOCK_LEN]);

/*
 * Accepts only headers that format_tar_header could have written, except that the owner and the
 * group may be any. Errors: FAULT_MALFORMED.
 */
int parse_tar_header(const uint8_t block[static TAR_BLOCK_LEN], struct tar_entry *ret_entry,
		     struct fault *fault) MUST_CHECK;

/* The number of zeros that pad a content of that size. */
size_t tar_padding(uint64_t size);

#endif
