#include "common/base/file.h"
#include "common/ca/backup/archive.h"
#include "common/crypto/passphrase_seal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEP_LEN = 1 << 20 };

int begin_archive(struct archive_writer *writer, struct fault *fault)
{
	return new_running_digest(&writer->digest, fault);
}

void clear_archive_writer(struct archive_writer *writer)
{
	free_running_digest(&writer->digest);
	clear_buffer(&writer->sums);
}

static int put(struct archive_writer *writer, struct bytes content, struct fault *fault)
{
	if (write_stream(writer->descriptor, writer->name, content, fault) < 0)
		return -1;
	writer->written += content.len;
	return 0;
}

static int put_content(struct archive_writer *writer, struct bytes content, struct fault *fault)
{
	update_digest(writer->digest, content);
	return put(writer, content, fault);
}

static int put_header(struct archive_writer *writer, const char *member, mode_t mode, uint64_t size,
		      struct fault *fault)
{
	struct tar_entry entry = {.mode = mode, .size = size, .modified_s = writer->now_s};
	uint8_t block[TAR_BLOCK_LEN];

	memcpy(entry.name, member, strnlen(member, sizeof(entry.name) - 1));
	format_tar_header(&entry, block);
	return put(writer, (struct bytes){block, sizeof(block)}, fault);
}

static int end_member(struct archive_writer *writer, const char *member, uint64_t size,
		      struct fault *fault)
{
	static const uint8_t zeros[TAR_BLOCK_LEN];
	uint8_t digest[SHA256_LEN];
	char text[SHA256_TEXT_SIZE];

	finish_digest(writer->digest, digest);
	format_sha256(digest, text);
	append_format(&writer->sums, "%s  %s\n", text, member);
	return put(writer, (struct bytes){zeros, tar_padding(size)}, fault);
}

int add_member_octets(struct archive_writer *writer, const char *member, mode_t mode,
		      struct bytes content, struct fault *fault)
{
	if (put_header(writer, member, mode, content.len, fault) < 0 ||
	    put_content(writer, content, fault) < 0)
		return -1;
	return end_member(writer, member, content.len, fault);
}

static int copy_content(struct archive_writer *writer, const char *member, int descriptor,
			off_t size, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer step = {0};

	if (extend_buffer(&step, STEP_LEN) == NULL)
		return set_memory_fault(fault);
	for (off_t at = 0; at < size;) {
		size_t wanted = size - at < STEP_LEN ? (size_t)(size - at) : STEP_LEN;
		ssize_t got = pread(descriptor, step.data, wanted, at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return set_fault(fault, FAULT_FAILED,
					 "%s: %s: cannot be read as it was (errno %d)",
					 writer->name, member, got < 0 ? errno : 0);
		if (put_content(writer, (struct bytes){step.data, (size_t)got}, fault) < 0)
			return -1;
		at += got;
	}
	return 0;
}

int add_member_part(struct archive_writer *writer, const char *member, int descriptor, size_t len,
		    struct fault *fault)
{
	if (put_header(writer, member, 0600, len, fault) < 0 ||
	    copy_content(writer, member, descriptor, (off_t)len, fault) < 0)
		return -1;
	return end_member(writer, member, len, fault);
}

int add_member_file(struct archive_writer *writer, const char *member, int descriptor,
		    struct fault *fault)
{
	struct stat status;

	if (fstat(descriptor, &status) < 0)
		return set_errno_fault(fault, "%s: %s", writer->name, member);
	return add_member_part(writer, member, descriptor, (size_t)status.st_size, fault);
}

static int add_mac(struct archive_writer *writer, const uint8_t *mac_key, struct bytes sums,
		   struct fault *fault)
{
	uint8_t mac[SHA256_LEN];
	char text[SHA256_TEXT_SIZE];

	hmac_sha256(mac_key, sums, mac);
	format_sha256(mac, text);
	text[SHA256_TEXT_SIZE - 1] = '\n';
	return add_member_octets(writer, MEMBER_MAC, 0600,
				 (struct bytes){(const uint8_t *)text, sizeof(text)}, fault);
}

int finish_archive(struct archive_writer *writer, const uint8_t *mac_key, struct fault *fault)
{
	static const uint8_t end[TAR_END_LEN];
	CLEANUP(clear_buffer) struct buffer sums = take_buffer(&writer->sums);

	if (check_buffer(&sums, fault) < 0 ||
	    add_member_octets(writer, MEMBER_SUMS, 0600, bytes_of_buffer(&sums), fault) < 0)
		return -1;
	if (mac_key != NULL && add_mac(writer, mac_key, bytes_of_buffer(&sums), fault) < 0)
		return -1;
	return put(writer, (struct bytes){end, sizeof(end)}, fault);
}
