#include "common/ca/backup/front_end_packet.h"

#include "common/base/staging.h"
#include "common/ca/backup/archive.h"
#include "common/ca/revocation/ca_roots.h"
#include "common/ca/revocation/root_crl.h"
#include "common/ca/shared/store_key.h"
#include "common/crypto/key_file.h"
#include "common/crypto/passphrase_seal.h"
#include "common/layout/path.h"
#include "common/x509/intermediates.h"
#include "common/x509/issuer_set.h"
#include "common/x509/revocation/crl.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACKET_NOTE "FRONT-END"
#define PACKET_FILES "front-end.enc"
#define PACKET_HEAD "certpool front end, version 1\n"
static const char private_folder[] = "Private/";

enum {
	PACKET_NOTE_MAX = 4096,
	PACKET_FILES_MAX = 64 * 1024 * 1024,
	PACKET_FILES_COUNT = 2 * ISSUERS_MAX + 8,
	PACKET_MODE = 0600,
	NUMBER_SIZE = 19,
};

/* One file of the packet. */
struct packet_file {
	char name[TAR_NAME_SIZE];
	struct secret content;
};

struct packet_files {
	struct packet_file files[PACKET_FILES_COUNT];
	size_t count;
	size_t octets; /* of the archive, without its end */
};

static void clear_packet_files(struct packet_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		clear_secret(&files->files[i].content);
}

static size_t measure_file(size_t size)
{
	return TAR_BLOCK_LEN + size + tar_padding(size);
}

static int add_packet_file(struct packet_files *files, const char *name, struct bytes content,
			   struct fault *fault)
{
	struct packet_file *file = &files->files[files->count];

	if (allocate_secret(content.len, &file->content, fault) < 0)
		return -1;
	memcpy(file->content.data, content.data, content.len);
	(void)snprintf(file->name, sizeof(file->name), "%s", name);
	files->count++;
	files->octets += measure_file(content.len);
	return 0;
}

/* If there is such a file. */
static int add_key(struct packet_files *files, const struct layout *layout, const char *name,
		   struct fault *fault)
{
	CLEANUP(clear_secret) struct secret content = {0};
	char member[TAR_NAME_SIZE];
	bool found;

	if (find_file(layout->private, name, &found, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	if (!found)
		return 0;
	if (read_secret_file(layout->private, name, PRIVATE_KEY_FILE_MAX, &content, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	(void)snprintf(member, sizeof(member), "%s%s", private_folder, name);
	return add_packet_file(files, member, bytes_of_secret(&content), fault);
}

static int add_public(struct packet_files *files, const struct layout *layout, const char *name,
		      size_t max, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer content = {0};
	struct fault problem = {0};
	char member[TAR_NAME_SIZE];

	if (read_file(layout->cert, name, max, &content, &problem) < 0) {
		if (problem.class == FAULT_NOT_FOUND)
			return 0;
		(void)pass_fault(&problem, fault);
		return prefix_fault(fault, "%s/cert", layout->path);
	}
	(void)snprintf(member, sizeof(member), MEMBER_FOLDER "%s", name);
	return add_packet_file(files, member, bytes_of_buffer(&content), fault);
}

static int collect_files(const struct packet_options *options, struct packet_files *files,
			 struct fault *fault)
{
	static const struct {
		const char *name;
		size_t max;
	} certificates[] = {
		{"root.crt", CERTIFICATE_PEM_MAX},    {"root.next.crt", CERTIFICATE_PEM_MAX},
		{"cross.crt", INTERMEDIATES_PEM_MAX}, {ROOT_CRL_FILE, CRL_DER_MAX},
		{NEXT_ROOT_CRL_FILE, CRL_DER_MAX},    {OLD_ROOT_CRL_FILE, CRL_DER_MAX},
	};
	const struct layout *layout = options->layout;

	if (add_packet_file(files, MEMBER_MANIFEST, options->manifest, fault) < 0 ||
	    add_key(files, layout, STORE_KEY_FILE, fault) < 0 ||
	    add_key(files, layout, "root.key", fault) < 0)
		return -1;
	for (size_t i = 0; i < COUNT_OF(certificates); i++)
		if (add_public(files, layout, certificates[i].name, certificates[i].max, fault) < 0)
			return -1;
	for (unsigned int number = 1; number <= ISSUERS_MAX; number++) {
		char name[FILE_NAME_SIZE];

		name_issuer_file("ca.crt", number, name);
		if (add_public(files, layout, name, CERTIFICATE_PEM_MAX, fault) < 0)
			return -1;
		name_issuer_file("ca.key", number, name);
		if (add_key(files, layout, name, fault) < 0)
			return -1;
	}
	return 0;
}

static int format_files(const struct packet_files *files, int64_t now_s, struct secret *ret_archive,
			struct fault *fault)
{
	CLEANUP(clear_secret) struct secret archive = {0};
	size_t at = 0;

	if (allocate_secret(files->octets + TAR_END_LEN, &archive, fault) < 0)
		return -1;
	memset(archive.data, 0, archive.len);
	for (size_t i = 0; i < files->count; i++) {
		const struct packet_file *file = &files->files[i];
		struct tar_entry entry = {
			.mode = PACKET_MODE, .size = file->content.len, .modified_s = now_s};

		memcpy(entry.name, file->name, sizeof(entry.name));
		format_tar_header(&entry, archive.data + at);
		memcpy(archive.data + at + TAR_BLOCK_LEN, file->content.data, file->content.len);
		at += measure_file(file->content.len);
	}
	*ret_archive = take_secret(&archive);
	return 0;
}

static int write_members(const struct packet_options *options, struct archive_writer *writer,
			 struct fault *fault)
{
	CLEANUP(clear_packet_files) struct packet_files files = {0};
	CLEANUP(clear_secret) struct secret archive = {0};
	CLEANUP(clear_buffer) struct buffer sealed = {0};
	CLEANUP(clear_buffer) struct buffer note = {0};
	CLEANUP(clear_seal_keys) struct seal_keys keys = {0};

	append_format(&note,
		      PACKET_HEAD "name: %s\nnumber: %" PRId64
				  "\n\ncertpool front-end join FILE --passphrase-file F makes this "
				  "host the front end.\n",
		      options->name, options->number);
	if (check_buffer(&note, fault) < 0 || collect_files(options, &files, fault) < 0 ||
	    format_files(&files, options->now_s, &archive, fault) < 0 ||
	    seal_octets(bytes_of_secret(&archive), options->passphrase, &sealed, &keys, fault) <
		    0 ||
	    begin_archive(writer, fault) < 0 ||
	    add_member_octets(writer, PACKET_NOTE, 0644, bytes_of_buffer(&note), fault) < 0 ||
	    add_member_octets(writer, PACKET_FILES, PACKET_MODE, bytes_of_buffer(&sealed), fault) <
		    0)
		return -1;
	return finish_archive(writer, keys.mac_key, fault);
}

int write_front_end_packet(const struct packet_options *options, const char *path,
			   struct fault *fault)
{
	const char *slash = strrchr(path, '/');
	CLEANUP(free_string) char *directory = NULL;
	CLEANUP(close_descriptor) int dirfd = -1;
	CLEANUP(close_descriptor) int descriptor = -1;
	CLEANUP(free_staging) struct staging *staging = NULL;
	CLEANUP(clear_archive_writer)
	struct archive_writer writer = {.name = path, .now_s = options->now_s};

	if (split_directory(path, &directory, fault) < 0 ||
	    open_directory(AT_FDCWD, directory, &dirfd, fault) < 0 ||
	    new_staging(&staging, fault) < 0 ||
	    stage_unnamed(staging, dirfd, slash != NULL ? slash + 1 : path, STAGE_NEW, PACKET_MODE,
			  &descriptor, fault) < 0)
		return -1;
	writer.descriptor = descriptor;
	if (write_members(options, &writer, fault) < 0)
		return -1;
	return commit_staging(staging, fault);
}

/* --- reading --- */

void clear_front_end_packet(struct front_end_packet *packet)
{
	clear_secret(&packet->files);
	*packet = (struct front_end_packet){0};
}

static int parse_note(struct bytes note, struct front_end_packet *packet, struct fault *fault)
{
	char name[NAME_SIZE] = "";
	char number[NUMBER_SIZE] = "";
	char text[PACKET_NOTE_MAX + 1] = "";

	memcpy(text, note.data, note.len);
	if (sscanf(text, PACKET_HEAD "name: %64[A-Za-z0-9_-]\nnumber: %18[0-9]\n", name, number) !=
		    2 ||
	    !valid_name(name))
		return set_fault(fault, FAULT_MALFORMED,
				 "expected a file that certpool front-end add has written, of "
				 "version 1, found another one");
	memcpy(packet->name, name, sizeof(name));
	packet->number = strtoll(number, NULL, 10);
	return 0;
}

/* Takes a file off the front of the archive. *ret_found is false at its end. */
static int take_file(struct bytes *archive, struct tar_entry *ret_entry, struct bytes *ret_content,
		     bool *ret_found, struct fault *fault)
{
	struct tar_entry entry;

	*ret_found = archive->len > TAR_END_LEN;
	if (!*ret_found)
		return 0;
	if (parse_tar_header(archive->data, &entry, fault) < 0)
		return -1;
	if (entry.size > PACKET_FILES_MAX || measure_file((size_t)entry.size) > archive->len)
		return set_fault(fault, FAULT_MALFORMED, "%s: cut off", entry.name);
	*ret_entry = entry;
	*ret_content = (struct bytes){archive->data + TAR_BLOCK_LEN, (size_t)entry.size};
	archive->data += measure_file((size_t)entry.size);
	archive->len -= measure_file((size_t)entry.size);
	return 0;
}

int read_front_end_packet(int descriptor, const char *path, struct bytes passphrase,
			  struct front_end_packet *ret_packet, struct fault *fault)
{
	CLEANUP(clear_archive_reader)
	struct archive_reader reader = {.descriptor = descriptor, .name = path};
	CLEANUP(clear_front_end_packet) struct front_end_packet packet = {0};
	CLEANUP(clear_buffer) struct buffer note = {0};
	CLEANUP(clear_buffer) struct buffer sealed = {0};
	CLEANUP(clear_buffer) struct buffer mac = {0};
	struct tar_entry entry;
	struct bytes rest;
	bool found;

	if (open_archive(&reader, fault) < 0 ||
	    read_member(&reader, PACKET_NOTE, PACKET_NOTE_MAX, &note, fault) < 0)
		return -1;
	if (parse_note(bytes_of_buffer(&note), &packet, fault) < 0)
		return prefix_fault(fault, "%s", path);
	if (read_member(&reader, PACKET_FILES, PACKET_FILES_MAX, &sealed, fault) < 0 ||
	    finish_reading(&reader, &mac, fault) < 0 ||
	    open_sealed_member(&reader, bytes_of_buffer(&sealed), bytes_of_buffer(&mac), passphrase,
			       &packet.files, fault) < 0)
		return -1;
	rest = bytes_of_secret(&packet.files);
	if (take_file(&rest, &entry, &packet.manifest, &found, fault) < 0)
		return prefix_fault(fault, "%s", path);
	if (!found || strcmp(entry.name, MEMBER_MANIFEST) != 0)
		return set_fault(fault, FAULT_MALFORMED, "%s: expected the manifest first", path);
	MOVE(ret_packet, packet);
	return 0;
}

/* Where a member goes: a plain name in one of the two folders. */
static int find_place(const struct layout *layout, const char *member, int *ret_folder,
		      const char **ret_name, mode_t *ret_mode, struct fault *fault)
{
	bool private = strncmp(member, private_folder, strlen(private_folder)) == 0;
	const char *folder = private ? private_folder : MEMBER_FOLDER;

	if (strncmp(member, folder, strlen(folder)) != 0 ||
	    strchr(member + strlen(folder), '/') != NULL || member[strlen(folder)] == '.' ||
	    member[strlen(folder)] == '\0')
		return set_fault(fault, FAULT_MALFORMED,
				 "\"%s\": expected a file of cert/ or Private/", member);
	*ret_folder = private ? layout->private : layout->cert;
	*ret_name = member + strlen(folder);
	*ret_mode = private ? 0600 : 0644;
	return 0;
}

/* *ret_same: the file that is there has this content. */
static int compare_file(int folder, const char *name, mode_t mode, struct bytes content,
			bool *ret_same, struct fault *fault)
{
	CLEANUP(clear_secret) struct secret secret = {0};
	CLEANUP(clear_buffer) struct buffer public = {0};

	if (mode == PACKET_MODE) {
		if (read_secret_file(folder, name, PRIVATE_KEY_FILE_MAX, &secret, fault) < 0)
			return -1;
		*ret_same = equal_secrets(bytes_of_secret(&secret), content);
		return 0;
	}
	if (read_file(folder, name, CRL_DER_MAX, &public, fault) < 0)
		return -1;
	*ret_same = equal_bytes(bytes_of_buffer(&public), content);
	return 0;
}

static int place_file(struct staging *staging, const struct layout *layout, const char *member,
		      struct bytes content, struct fault *fault)
{
	const char *name = NULL;
	mode_t mode = PACKET_MODE;
	int folder = -1;
	bool found;
	bool same;

	if (find_place(layout, member, &folder, &name, &mode, fault) < 0 ||
	    find_file(folder, name, &found, fault) < 0)
		return -1;
	if (!found)
		return stage_file(staging, folder, name, STAGE_NEW, mode, content, fault);
	if (compare_file(folder, name, mode, content, &same, fault) < 0)
		return -1;
	if (same)
		return 0;
	return set_fault(fault, FAULT_REFUSED,
			 "%s/%s: there is another file than in the packet, and it is not "
			 "overwritten: join in a new layout",
			 layout->path, member);
}

int unpack_front_end(const struct front_end_packet *packet, const struct layout *layout,
		     struct fault *fault)
{
	CLEANUP(free_staging) struct staging *staging = NULL;
	struct bytes rest = bytes_of_secret(&packet->files);
	struct tar_entry entry;
	struct bytes content;
	bool found;

	if (new_staging(&staging, fault) < 0 ||
	    take_file(&rest, &entry, &content, &found, fault) < 0)
		return -1;
	for (;;) {
		if (take_file(&rest, &entry, &content, &found, fault) < 0)
			return -1;
		if (!found)
			return commit_staging(staging, fault);
		if (place_file(staging, layout, entry.name, content, fault) < 0)
			return -1;
	}
}
