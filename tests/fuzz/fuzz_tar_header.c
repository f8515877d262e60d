#include "common/base/tar.h"
#include "tests/fuzz/target.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { SUM_OFFSET = 148, SUM_LEN = 8 };

/* Writes the sum that the octets have, so that it does not keep out what is behind it. */
static void write_sum(uint8_t *block)
{
	char digits[SUM_LEN + 1];
	unsigned int sum = 0;

	memset(block + SUM_OFFSET, ' ', SUM_LEN);
	for (size_t i = 0; i < TAR_BLOCK_LEN; i++)
		sum += block[i];
	(void)snprintf(digits, sizeof(digits), "%06o", sum);
	memcpy(block + SUM_OFFSET, digits, SUM_LEN - 1);
}

/* A header of a backup is refused with a reason, or is one that can be written again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t block[TAR_BLOCK_LEN] = {0};
	uint8_t written[TAR_BLOCK_LEN];
	struct tar_entry entry = {0};
	struct tar_entry again = {0};
	struct fault fault = {0};

	memcpy(block, data, size < sizeof(block) ? size : sizeof(block));
	write_sum(block);
	if (parse_tar_header(block, &entry, &fault) < 0) {
		assert(entry.name[0] == '\0');
		assert(fault.class == FAULT_MALFORMED && fault.text[0] != '\0');
		return 0;
	}
	assert(entry.name[0] != '\0' && entry.modified_s >= 0 && entry.mode <= 0777);
	assert(entry.size <= INT64_MAX && tar_padding(entry.size) < TAR_BLOCK_LEN);
	format_tar_header(&entry, written);
	assert(parse_tar_header(written, &again, &fault) == 0);
	assert(strcmp(entry.name, again.name) == 0 && entry.size == again.size);
	assert(entry.mode == again.mode && entry.modified_s == again.modified_s);
	return 0;
}
