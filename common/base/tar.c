#include "common/base/tar.h"

#include <stdio.h>
#include <string.h>

/* A field of the header, in octets. */
struct tar_field {
	size_t offset;
	size_t len;
};

static const struct tar_field name_field = {0, 100};
static const struct tar_field mode_field = {100, 8};
static const struct tar_field owner_field = {108, 8};
static const struct tar_field group_field = {116, 8};
static const struct tar_field size_field = {124, 12};
static const struct tar_field time_field = {136, 12};
static const struct tar_field sum_field = {148, 8};
static const struct tar_field magic_field = {257, 8};

enum { TYPE_OFFSET = 156, REGULAR_FILE = '0', BASE_256 = 0x80, PERMISSIONS = 0777 };

static const char magic[] = "ustar\00000"; /* with the version */

/* Octal digits and a NUL. */
static void put_octal(uint8_t *block, struct tar_field field, uint64_t value)
{
	block[field.offset + field.len - 1] = '\0';
	for (size_t i = field.len - 1; i > 0; i--) {
		block[field.offset + i - 1] = (uint8_t)('0' + (value & 7));
		value >>= 3;
	}
}

static bool get_octal(const uint8_t *block, struct tar_field field, uint64_t *ret_value)
{
	const uint8_t *digits = block + field.offset;
	uint64_t value = 0;

	for (size_t i = 0; i + 1 < field.len; i++) {
		if (digits[i] < '0' || digits[i] > '7')
			return false;
		value = value << 3 | (uint64_t)(digits[i] - '0');
	}
	*ret_value = value;
	return digits[field.len - 1] == '\0';
}

static bool fits_octal(struct tar_field field, uint64_t value)
{
	return value >> (3 * (field.len - 1)) == 0;
}

static void put_size(uint8_t *block, uint64_t size)
{
	uint8_t *last = block + size_field.offset + size_field.len - 1;

	if (fits_octal(size_field, size)) {
		put_octal(block, size_field, size);
		return;
	}
	memset(block + size_field.offset, 0, size_field.len);
	block[size_field.offset] = BASE_256;
	for (; size > 0; size >>= 8)
		*last-- = (uint8_t)size;
}

static bool get_size(const uint8_t *block, uint64_t *ret_size)
{
	const uint8_t *octets = block + size_field.offset;
	uint64_t size = 0;

	if (octets[0] != BASE_256)
		return get_octal(block, size_field, ret_size);
	/* A file's size fits into 63 bits. */
	if (octets[1] != 0 || octets[2] != 0 || octets[3] != 0 || octets[4] > 0x7f)
		return false;
	for (size_t i = 4; i < size_field.len; i++)
		size = size << 8 | octets[i];
	*ret_size = size;
	return !fits_octal(size_field, size);
}

/* The sum of all octets, with those of the checksum itself taken as spaces. */
static uint64_t sum_block(const uint8_t *block)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < TAR_BLOCK_LEN; i++)
		sum += i - sum_field.offset < sum_field.len ? ' ' : block[i];
	return sum;
}

/* The checksum's field ends in a NUL and a space. */
static const struct tar_field sum_digits = {148, 7};

void format_tar_header(const struct tar_entry *entry, uint8_t ret_block[static TAR_BLOCK_LEN])
{
	memset(ret_block, 0, TAR_BLOCK_LEN);
	memcpy(ret_block + name_field.offset, entry->name, strnlen(entry->name, name_field.len));
	put_octal(ret_block, mode_field, entry->mode & PERMISSIONS);
	put_octal(ret_block, owner_field, 0);
	put_octal(ret_block, group_field, 0);
	put_size(ret_block, entry->size);
	put_octal(ret_block, time_field, (uint64_t)entry->modified_s);
	ret_block[TYPE_OFFSET] = REGULAR_FILE;
	memcpy(ret_block + magic_field.offset, magic, magic_field.len);
	ret_block[sum_field.offset + sum_field.len - 1] = ' ';
	put_octal(ret_block, sum_digits, sum_block(ret_block));
}

int parse_tar_header(const uint8_t block[static TAR_BLOCK_LEN], struct tar_entry *ret_entry,
		     struct fault *fault)
{
	struct tar_entry entry = {0};
	uint64_t sum = 0;
	uint64_t mode = 0;
	uint64_t modified_s = 0;

	if (memcmp(block + magic_field.offset, magic, magic_field.len) != 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "expected the header of a file in a tar archive (ustar), found "
				 "something else");
	if (!get_octal(block, sum_digits, &sum) || sum != sum_block(block))
		return set_fault(fault, FAULT_MALFORMED,
				 "a header of the tar archive is damaged: its sum does not hold");
	memcpy(entry.name, block + name_field.offset, name_field.len);
	if (entry.name[0] == '\0' || block[TYPE_OFFSET] != REGULAR_FILE ||
	    !get_octal(block, mode_field, &mode) || mode > PERMISSIONS ||
	    !get_size(block, &entry.size) || !get_octal(block, time_field, &modified_s))
		return set_fault(fault, FAULT_MALFORMED,
				 "tar archive: \"%s\": expected a regular file with a name, "
				 "permissions, a size and a time, found something else",
				 entry.name);
	entry.mode = (mode_t)mode;
	entry.modified_s = (int64_t)modified_s;
	*ret_entry = entry;
	return 0;
}

size_t tar_padding(uint64_t size)
{
	return (size_t)(-size % TAR_BLOCK_LEN);
}
