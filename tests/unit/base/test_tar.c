#include "common/base/tar.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const struct tar_entry example = {
	.name = "state/ca.db", .mode = 0600, .size = 4097, .modified_s = 1790000000};

/* The header's checksum as POSIX defines it. */
static void sum_again(uint8_t *block)
{
	unsigned int sum = 8 * ' ';

	for (size_t i = 0; i < TAR_BLOCK_LEN; i++)
		sum += i >= 148 && i < 156 ? 0 : block[i];
	(void)snprintf((char *)block + 148, 7, "%06o", sum & 0777777);
}

Test(tar, refuses_what_is_no_header_of_ours)
{
	static const struct {
		size_t offset;
		const char *octets;
		bool sum; /* recomputed after the change */
		const char *reason;
	} rows[] = {
		{257, "gnutar", true, "expected the header of a file in a tar archive"},
		{263, " ", true, "expected the header of a file in a tar archive"},
		{0, "S", false, "its sum does not hold"},
		{148, "x", false, "its sum does not hold"},
		{154, "7", false, "its sum does not hold"},
		/* catalogue 32: a link, a directory, a device, a long name's header */
		{156, "2", true, "expected a regular file"},
		{156, "5", true, "expected a regular file"},
		{156, "3", true, "expected a regular file"},
		{156, "L", true, "expected a regular file"},
		{156, "x", true, "expected a regular file"},
		{100, "0001600", true, "expected a regular file"},
		{100, "-000600", true, "expected a regular file"},
		{124, "8", true, "expected a regular file"},
		{124, " ", true, "expected a regular file"},
		{124, "\xff", true, "expected a regular file"},
		{124, "\x80\x01", true, "expected a regular file"},
		{136, "a", true, "expected a regular file"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint8_t block[TAR_BLOCK_LEN];
		struct tar_entry entry = {.size = 7};

		format_tar_header(&example, block);
		memcpy(block + rows[i].offset, rows[i].octets, strlen(rows[i].octets));
		if (rows[i].sum)
			sum_again(block);
		REFUSED(parse_tar_header(block, &entry, &fault), FAULT_MALFORMED, rows[i].reason,
			"row %zu", i);
		cr_expect_eq(entry.size, 7);
	}
}

Test(tar, refuses_a_header_without_a_name)
{
	const struct tar_entry nameless = {.mode = 0600};
	uint8_t block[TAR_BLOCK_LEN];
	struct tar_entry entry;

	format_tar_header(&nameless, block);
	REFUSED(parse_tar_header(block, &entry, &fault), FAULT_MALFORMED,
		"expected a regular file with a name");
}

Test(tar, reads_what_it_wrote)
{
	static const uint64_t sizes[] = {0,
					 1,
					 511,
					 512,
					 UINT64_C(077777777777),
					 UINT64_C(0100000000000),
					 UINT64_C(1) << 40,
					 INT64_MAX};

	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		struct tar_entry before = example;
		struct tar_entry after = {0};
		uint8_t block[TAR_BLOCK_LEN];

		before.size = sizes[i];
		memset(before.name, 'n', i + 1);
		if (i == COUNT_OF(sizes) - 1)
			memset(before.name, 'n', sizeof(before.name) - 1);
		format_tar_header(&before, block);
		OK(parse_tar_header(block, &after, &fault));
		cr_expect_str_eq(after.name, before.name);
		cr_expect_eq(after.size, before.size);
		cr_expect_eq(after.mode, before.mode);
		cr_expect_eq(after.modified_s, before.modified_s);
	}
}

Test(tar, fills_up_to_whole_blocks)
{
	cr_expect_eq(tar_padding(0), 0);
	cr_expect_eq(tar_padding(1), 511);
	cr_expect_eq(tar_padding(511), 1);
	cr_expect_eq(tar_padding(512), 0);
	cr_expect_eq(tar_padding((UINT64_C(1) << 40) + 513), 511);
}
