#include "common/ca/backup/archive.h"

#include "common/base/file.h"
#include "common/crypto/passphrase_seal.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ARCHIVE_MAX = 1 << 20 };

static const uint8_t mac_key[SHA256_LEN] = {7};
static struct scratch scratch;

static void set_up(void)
{
	make_scratch(&scratch);
}

static void tear_down(void)
{
	remove_scratch(&scratch);
}

TestSuite(archive, .init = set_up, .fini = tear_down);

/* Two members, the second from a file of 1000 octets. */
static struct buffer write_archive(const uint8_t *key)
{
	CLEANUP(close_descriptor) int out = open(scratch.path, O_RDWR | O_TMPFILE, 0600);
	CLEANUP(close_descriptor) int content = open(scratch.path, O_RDWR | O_TMPFILE, 0600);
	CLEANUP(clear_archive_writer)
	struct archive_writer writer = {.descriptor = out, .name = "out", .now_s = 1790000000};
	struct buffer archive = {0};
	uint8_t octets[1000];

	memset(octets, 'r', sizeof(octets));
	cr_assert_eq(write(content, octets, sizeof(octets)), (ssize_t)sizeof(octets));
	OK(begin_archive(&writer, &fault));
	OK(add_member_octets(&writer, "note", 0644, bytes_of_string("hello"), &fault));
	OK(add_member_file(&writer, "record", content, &fault));
	OK(finish_archive(&writer, key, &fault));
	cr_assert_eq(lseek(out, 0, SEEK_SET), 0);
	OK(read_stream(out, "out", ARCHIVE_MAX, &archive, &fault));
	cr_expect_eq(writer.written, archive.len);
	return archive;
}

/* Reads the two members, and the end. */
static int read_archive(struct bytes octets, struct buffer *ret_mac, struct fault *fault)
{
	CLEANUP(close_descriptor) int in = open(scratch.path, O_RDWR | O_TMPFILE, 0600);
	CLEANUP(close_descriptor) int copy = open(scratch.path, O_RDWR | O_TMPFILE, 0600);
	CLEANUP(clear_archive_reader)
	struct archive_reader reader = {.descriptor = in, .name = "in.tar"};
	CLEANUP(clear_buffer) struct buffer note = {0};

	cr_assert_eq(write(in, octets.data, octets.len), (ssize_t)octets.len);
	cr_assert_eq(lseek(in, 0, SEEK_SET), 0);
	if (open_archive(&reader, fault) < 0 || read_member(&reader, "note", 5, &note, fault) < 0 ||
	    copy_member(&reader, "record", copy, fault) < 0 ||
	    finish_reading(&reader, ret_mac, fault) < 0)
		return -1;
	cr_expect(equal_bytes(bytes_of_buffer(&note), bytes_of_string("hello")));
	cr_expect_eq(lseek(copy, 0, SEEK_END), 1000);
	return 0;
}

static void expect_refused(struct bytes octets, enum fault_class class, const char *part)
{
	CLEANUP(clear_buffer) struct buffer mac = {0};

	REFUSED(read_archive(octets, &mac, &fault), class, part);
	cr_expect_eq(strncmp(last_refusal()->text, "in.tar: ", 8), 0, "%s", last_refusal()->text);
}

Test(archive, refuses_an_archive_cut_off_anywhere)
{
	CLEANUP(clear_buffer) struct buffer archive = write_archive(NULL);

	for (size_t len = 0; len < archive.len; len += 100)
		expect_refused((struct bytes){archive.data, len}, FAULT_MALFORMED, "cut off");
	expect_refused((struct bytes){archive.data, archive.len - 1}, FAULT_MALFORMED, "cut off");
}

/* Any one octet, but those of owner and group, which restore ignores. */
Test(archive, refuses_an_archive_changed_anywhere)
{
	CLEANUP(clear_buffer) struct buffer archive = write_archive(NULL);

	for (size_t at = 0; at < archive.len; at += 37) {
		CLEANUP(clear_buffer) struct buffer mac = {0};

		archive.data[at] ^= 1;
		REFUSED(read_archive(bytes_of_buffer(&archive), &mac, &fault), ANY_CLASS, NULL,
			"octet %zu", at);
		cr_expect(last_refusal()->class == FAULT_MALFORMED ||
				  last_refusal()->class == FAULT_UNVERIFIED ||
				  last_refusal()->class == FAULT_TOO_LARGE,
			  "octet %zu: %s", at, last_refusal()->text);
		archive.data[at] ^= 1;
	}
}

Test(archive, names_the_member_that_was_changed)
{
	CLEANUP(clear_buffer) struct buffer archive = write_archive(NULL);

	archive.data[3 * TAR_BLOCK_LEN + 999] ^= 1;
	expect_refused(bytes_of_buffer(&archive), FAULT_UNVERIFIED,
		       "record: not as it was backed up");
	archive.data[3 * TAR_BLOCK_LEN + 1000] ^= 1;
	expect_refused(bytes_of_buffer(&archive), FAULT_MALFORMED, "record: expected zeros");
}

Test(archive, refuses_octets_after_its_end)
{
	CLEANUP(clear_buffer) struct buffer archive = write_archive(NULL);

	append_bytes(&archive, (struct bytes){(const uint8_t[]){0}, 1});
	expect_refused(bytes_of_buffer(&archive), FAULT_MALFORMED,
		       "expected nothing after its end");
}

Test(archive, refuses_another_member_than_the_next)
{
	CLEANUP(clear_buffer) struct buffer archive = write_archive(NULL);
	struct bytes rest = {archive.data + 2 * TAR_BLOCK_LEN, archive.len - 2 * TAR_BLOCK_LEN};
	const uint8_t end[TAR_END_LEN] = {0};

	expect_refused(rest, FAULT_MALFORMED, "its member note, found record");
	expect_refused((struct bytes){end, sizeof(end)}, FAULT_MALFORMED,
		       "its member note, found the end");
}

Test(archive, refuses_a_member_that_is_too_long)
{
	CLEANUP(close_descriptor) int in = open(scratch.path, O_RDWR | O_TMPFILE, 0600);
	CLEANUP(clear_buffer) struct buffer archive = write_archive(NULL);
	CLEANUP(clear_archive_reader)
	struct archive_reader reader = {.descriptor = in, .name = "in.tar"};
	CLEANUP(clear_buffer) struct buffer note = {0};

	cr_assert_eq(write(in, archive.data, archive.len), (ssize_t)archive.len);
	cr_assert_eq(lseek(in, 0, SEEK_SET), 0);
	OK(open_archive(&reader, &fault));
	REFUSED_AS(read_member(&reader, "note", 4, &note, &fault), FAULT_TOO_LARGE,
		   "in.tar: note: expected at most 4 octets, found 5");
}

Test(archive, gives_its_authentication_when_there_is_one)
{
	CLEANUP(clear_buffer) struct buffer plain = write_archive(NULL);
	CLEANUP(clear_buffer) struct buffer keyed = write_archive(mac_key);
	CLEANUP(clear_buffer) struct buffer none = {0};
	CLEANUP(clear_buffer) struct buffer mac = {0};

	OK(read_archive(bytes_of_buffer(&plain), &none, &fault));
	cr_expect_eq(none.len, 0);
	OK(read_archive(bytes_of_buffer(&keyed), &mac, &fault));
	cr_assert_eq(mac.len, 2 * SHA256_LEN + 1);
	cr_expect_eq(mac.data[mac.len - 1], '\n');
}

/* catalogue 72 */
Test(archive, says_that_it_cannot_be_written)
{
	CLEANUP(close_descriptor) int out = open("/dev/full", O_WRONLY);
	CLEANUP(clear_archive_writer)
	struct archive_writer writer = {.descriptor = out, .name = "out"};

	OK(begin_archive(&writer, &fault));
	REFUSED_AS(add_member_octets(&writer, "note", 0644, bytes_of_string("hello"), &fault),
		   FAULT_FAILED, "out: cannot be written: No space left on device");
}
