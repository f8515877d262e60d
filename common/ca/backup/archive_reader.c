#include "common/base/file.h"
#include "common/ca/backup/archive.h"
#include "common/crypto/passphrase_seal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { STEP_LEN = 1 << 20, SUMS_MAX = 4096 };

int open_archive(struct archive_reader *reader, struct fault *fault)
{
	return new_running_digest(&reader->digest, fault);
}

void clear_archive_reader(struct archive_reader *reader)
{
	free_running_digest(&reader->digest);
	clear_buffer(&reader->sums);
}

/* Reads len octets, or fewer at the end of the file. */
static int read_octets(struct archive_reader *reader, uint8_t *data, size_t len, size_t *ret_len,
		       struct fault *fault)
{
	size_t done = 0;

	while (done < len) {
		ssize_t got = read(reader->descriptor, data + done, len - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return set_errno_fault(fault, "%s: cannot be read", reader->name);
		if (got == 0)
			break;
		done += (size_t)got;
	}
	*ret_len = done;
	return 0;
}

static int read_exactly(struct archive_reader *reader, uint8_t *data, size_t len,
			struct fault *fault)
{
	size_t done = 0;

	if (read_octets(reader, data, len, &done, fault) < 0)
		return -1;
	if (done == len)
		return 0;
	return set_fault(fault, FAULT_MALFORMED,
			 "%s: cut off: expected more of a backup, found the end of the file",
			 reader->name);
}

static bool all_zeros(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (data[i] != 0)
			return false;
	return true;
}

/* Reads the header of the current member, unless it is read already. */
static int read_header(struct archive_reader *reader, struct fault *fault)
{
	uint8_t block[TAR_BLOCK_LEN];

	if (reader->ended || reader->entry.name[0] != '\0')
		return 0;
	if (read_exactly(reader, block, sizeof(block), fault) < 0)
		return -1;
	reader->ended = all_zeros(block, sizeof(block));
	if (!reader->ended && parse_tar_header(block, &reader->entry, fault) < 0)
		return prefix_fault(fault, "%s", reader->name);
	return 0;
}

int at_member(struct archive_reader *reader, const char *member, bool *ret_at, struct fault *fault)
{
	if (read_header(reader, fault) < 0)
		return -1;
	*ret_at = !reader->ended && strcmp(reader->entry.name, member) == 0;
	return 0;
}

static int begin_member(struct archive_reader *reader, const char *member, struct fault *fault)
{
	bool at;

	if (at_member(reader, member, &at, fault) < 0)
		return -1;
	if (at)
		return 0;
	return set_fault(fault, FAULT_MALFORMED,
			 "%s: expected a backup of a CA: its member %s, found %s%s", reader->name,
			 member, reader->ended ? "the end" : "", reader->entry.name);
}

static int end_member(struct archive_reader *reader, struct fault *fault)
{
	uint8_t padding[TAR_BLOCK_LEN];
	size_t len = tar_padding(reader->entry.size);
	uint8_t digest[SHA256_LEN];
	char text[SHA256_TEXT_SIZE];

	if (read_exactly(reader, padding, len, fault) < 0)
		return -1;
	if (!all_zeros(padding, len))
		return set_fault(fault, FAULT_MALFORMED,
				 "%s: %s: expected zeros up to the next block, found something "
				 "else",
				 reader->name, reader->entry.name);
	finish_digest(reader->digest, digest);
	format_sha256(digest, text);
	append_format(&reader->sums, "%s  %s\n", text, reader->entry.name);
	reader->entry = (struct tar_entry){0};
	return check_buffer(&reader->sums, fault);
}

int read_member(struct archive_reader *reader, const char *member, size_t max,
		struct buffer *ret_content, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer content = {0};
	uint8_t *data;

	if (begin_member(reader, member, fault) < 0)
		return -1;
	if (reader->entry.size > max)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "%s: %s: expected at most %zu octets, found %ju", reader->name,
				 member, max, (uintmax_t)reader->entry.size);
	data = extend_buffer(&content, (size_t)reader->entry.size);
	if (data == NULL)
		return set_memory_fault(fault);
	if (read_exactly(reader, data, content.len, fault) < 0)
		return -1;
	update_digest(reader->digest, bytes_of_buffer(&content));
	if (end_member(reader, fault) < 0)
		return -1;
	*ret_content = take_buffer(&content);
	return 0;
}

int copy_member(struct archive_reader *reader, const char *member, int descriptor,
		struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer step = {0};
	uint64_t left;

	if (begin_member(reader, member, fault) < 0)
		return -1;
	if (extend_buffer(&step, STEP_LEN) == NULL)
		return set_memory_fault(fault);
	for (left = reader->entry.size; left > 0;) {
		struct bytes piece = {step.data, left < STEP_LEN ? (size_t)left : STEP_LEN};

		if (read_exactly(reader, step.data, piece.len, fault) < 0)
			return -1;
		update_digest(reader->digest, piece);
		if (write_stream(descriptor, member, piece, fault) < 0)
			return -1;
		left -= piece.len;
	}
	return end_member(reader, fault);
}

/* Names the member of the first line that differs. */
static int set_sums_fault(const struct archive_reader *reader, struct bytes found,
			  struct fault *fault)
{
	struct bytes expected = bytes_of_buffer(&reader->sums);

	while (expected.len > 0) {
		struct bytes ours = cut_line(&expected);
		struct bytes theirs = found.len > 0 ? cut_line(&found) : found;
		size_t skipped = SHA256_TEXT_SIZE + 1;

		if (!equal_bytes(ours, theirs))
			return set_fault(fault, FAULT_UNVERIFIED,
					 "%s: %.*s: not as it was backed up: its SHA-256 is not "
					 "that in " MEMBER_SUMS,
					 reader->name, (int)(ours.len - skipped),
					 (const char *)ours.data + skipped);
	}
	return set_fault(fault, FAULT_UNVERIFIED, "%s: " MEMBER_SUMS " has more than there is",
			 reader->name);
}

static int check_sums(struct archive_reader *reader, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer expected = take_buffer(&reader->sums);
	CLEANUP(clear_buffer) struct buffer sums = {0};

	if (read_member(reader, MEMBER_SUMS, SUMS_MAX, &sums, fault) < 0)
		return -1;
	clear_buffer(&reader->sums);
	reader->sums = take_buffer(&expected);
	if (equal_bytes(bytes_of_buffer(&sums), bytes_of_buffer(&reader->sums)))
		return 0;
	return set_sums_fault(reader, bytes_of_buffer(&sums), fault);
}

static int read_end(struct archive_reader *reader, struct fault *fault)
{
	uint8_t block[TAR_BLOCK_LEN + 1];
	size_t len = 0;

	if (read_header(reader, fault) < 0)
		return -1;
	if (!reader->ended)
		return set_fault(fault, FAULT_MALFORMED, "%s: expected the end, found %s",
				 reader->name, reader->entry.name);
	if (read_octets(reader, block, sizeof(block), &len, fault) < 0)
		return -1;
	if (len < TAR_BLOCK_LEN)
		return set_fault(fault, FAULT_MALFORMED, "%s: cut off at its end", reader->name);
	if (len > TAR_BLOCK_LEN || !all_zeros(block, len))
		return set_fault(fault, FAULT_MALFORMED,
				 "%s: expected nothing after its end, found something",
				 reader->name);
	return 0;
}

int finish_reading(struct archive_reader *reader, struct buffer *ret_mac, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer mac = {0};
	CLEANUP(clear_buffer) struct buffer sums = {0};
	bool authenticated;

	if (check_sums(reader, fault) < 0)
		return -1;
	sums = take_buffer(&reader->sums);
	if (at_member(reader, MEMBER_MAC, &authenticated, fault) < 0 ||
	    (authenticated && read_member(reader, MEMBER_MAC, SHA256_TEXT_SIZE, &mac, fault) < 0) ||
	    read_end(reader, fault) < 0)
		return -1;
	clear_buffer(&reader->sums);
	reader->sums = take_buffer(&sums);
	*ret_mac = take_buffer(&mac);
	return 0;
}

int open_sealed_member(const struct archive_reader *reader, struct bytes sealed, struct bytes mac,
		       struct bytes passphrase, struct secret *ret_plaintext, struct fault *fault)
{
	CLEANUP(clear_seal_keys) struct seal_keys keys = {0};
	uint8_t salt[SEAL_SALT_LEN];
	uint8_t expected[SHA256_LEN];
	char text[SHA256_TEXT_SIZE];

	if (find_seal_salt(sealed, salt, fault) < 0)
		return prefix_fault(fault, "%s: the sealed keys", reader->name);
	derive_seal_keys(passphrase, salt, &keys);
	hmac_sha256(keys.mac_key, bytes_of_buffer(&reader->sums), expected);
	format_sha256(expected, text);
	text[SHA256_TEXT_SIZE - 1] = '\n';
	if (!equal_secrets(mac, (struct bytes){(const uint8_t *)text, sizeof(text)}))
		return set_fault(fault, FAULT_REFUSED,
				 "%s: this is not the passphrase under which it was made, or it "
				 "was changed since",
				 reader->name);
	if (open_seal(sealed, &keys, ret_plaintext, fault) < 0)
		return prefix_fault(fault, "%s: the sealed keys", reader->name);
	return 0;
}
