#include "common/crypto/key_access.h"

#include "common/base/staging.h"
#include "common/crypto/key_file.h"
#include "common/crypto/pbes2.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* With room for a line end. */
enum { LINE_MAX_LEN = PASSPHRASE_MAX + 2 };

void clear_key_access(struct key_access *access)
{
	clear_secret(&access->pin);
	clear_secret(&access->passphrase);
	free(access->passphrase_source);
	free(access->pin_source);
	*access = (struct key_access){0};
}

static bool has_control_character(struct bytes line)
{
	for (size_t i = 0; i < line.len; i++)
		if (line.data[i] < 0x20 || line.data[i] == 0x7f)
			return true;
	return false;
}

/* Copies the content, which must be exactly one line. */
static int copy_line(struct bytes content, const char *name, struct secret *ret_line,
		     struct fault *fault)
{
	struct bytes line = content;

	if (line.len > 0 && line.data[line.len - 1] == '\n')
		line.len--;
	if (line.len < 1 || line.len > PASSPHRASE_MAX || has_control_character(line))
		return set_fault(fault, FAULT_MALFORMED,
				 "%s: expected one line of 1 to %d octets without control "
				 "characters, found something else",
				 name, PASSPHRASE_MAX);
	if (allocate_secret(line.len, ret_line, fault) < 0)
		return -1;
	memcpy(ret_line->data, line.data, line.len);
	return 0;
}

int read_secret_line(const char *path, struct secret *ret_line, struct fault *fault)
{
	CLEANUP(clear_secret) struct secret content = {0};

	if (read_secret_file(AT_FDCWD, path, LINE_MAX_LEN, &content, fault) < 0)
		return -1;
	return copy_line(bytes_of_secret(&content), path, ret_line, fault);
}

int read_secret_line_from(int descriptor, const char *name, struct secret *ret_line,
			  struct fault *fault)
{
	CLEANUP(wipe_buffer) struct buffer content = {0};

	if (read_stream(descriptor, name, LINE_MAX_LEN, &content, fault) < 0)
		return -1;
	return copy_line(bytes_of_buffer(&content), name, ret_line, fault);
}

static int parse_key(struct bytes pem, const struct key_access *access,
		     struct private_key **ret_key, struct fault *fault)
{
	bool encrypted = is_encrypted_private_key(pem);
	bool has_passphrase = access->passphrase.len > 0;

	if (encrypted && !has_passphrase)
		return set_fault(fault, FAULT_REFUSED,
				 "the private key is encrypted, and there is no passphrase for it: "
				 "name its file as ca.passphrase_file or with --passphrase-file");
	if (!encrypted && has_passphrase)
		return set_fault(
			fault, FAULT_REFUSED,
			"there is a passphrase (%s), and the private key is not encrypted: "
			"leave the passphrase out, or encrypt the key with openssl pkcs8 "
			"-topk8 -v2 aes-256-cbc",
			access->passphrase_source);
	if (!encrypted)
		return parse_private_key(pem, ret_key, fault);
	if (parse_encrypted_private_key(pem, bytes_of_secret(&access->passphrase), ret_key, fault) <
	    0)
		return prefix_fault(fault, "with %s", access->passphrase_source);
	return 0;
}

#define KEY_ADVICE                                                                                 \
	": put it back from a backup: certpool restore, in another directory, makes Private/"

static int refuse_lost_key(const struct layout *layout, const char *name, const char *found,
			   struct fault *fault)
{
	return set_fault(fault, FAULT_NOT_FOUND,
			 "%s/Private/%s: expected the private key, found %s", layout->path, name,
			 found);
}

/* The number in "ca.N.key"; 1 for any other name. */
static unsigned int parse_key_number(const char *name)
{
	static const char stem[] = "ca.";
	char expected[FILE_NAME_SIZE];
	unsigned int number;

	if (strncmp(name, stem, strlen(stem)) != 0)
		return 1;
	number = (unsigned int)strtoul(name + strlen(stem), NULL, 10);
	name_issuer_file("ca.key", number, expected);
	return strcmp(name, expected) == 0 ? number : 1;
}

/* The content of the file, or, where there is none, what the access finds for it. */
static int read_key(const struct layout *layout, const char *name, const struct key_access *access,
		    struct secret *ret_pem, struct fault *fault)
{
	const unsigned int number = parse_key_number(name);

	if (read_secret_file(layout->private, name, PRIVATE_KEY_FILE_MAX, ret_pem, fault) == 0)
		return 0;
	if (fault->class != FAULT_NOT_FOUND || access->find == NULL || number == 1)
		return -1;
	*fault = (struct fault){0};
	return access->find(access->find_context, number, ret_pem, fault);
}

int open_key_file(const struct layout *layout, const char *name, const struct key_access *access,
		  struct private_key **ret_key, struct fault *fault)
{
	CLEANUP(clear_secret) struct secret pem = {0};
	struct fault unread = {0};

	if (read_key(layout, name, access, &pem, &unread) < 0)
		return unread.class == FAULT_NOT_FOUND
			       ? refuse_lost_key(layout, name, "none", fault)
			       : set_fault(fault, unread.class, "%s/Private: %s", layout->path,
					   unread.text);
	if (pem.len == 0)
		return refuse_lost_key(layout, name, "an empty file", fault);
	if (parse_key(bytes_of_secret(&pem), access, ret_key, fault) < 0)
		return prefix_fault(fault, "%s/Private/%s", layout->path, name);
	return 0;
}

/* "…;object=ca" -> "…;object=ca-2": the label is another key's in the same token. */
static int number_key_url(const char *url, unsigned int number, struct buffer *ret_url,
			  struct fault *fault)
{
	static const char attribute[] = "object=";
	const char *object = strstr(url, attribute);
	size_t end;

	if (object == NULL || strstr(url, ";id=") != NULL || strstr(url, ":id=") != NULL)
		return set_fault(fault, FAULT_REFUSED,
				 "%s: expected the key by its label alone (object=, without id=), "
				 "as that of issuer %u has the same label with \"-%u\" behind it",
				 url, number, number);
	object += strlen(attribute);
	end = (size_t)(object - url) + strcspn(object, ";?");
	append_bytes(ret_url, (struct bytes){(const uint8_t *)url, end});
	append_format(ret_url, "-%u%s", number, url + end);
	return check_buffer(ret_url, fault);
}

static int open_key_of_token(const char *name, const struct key_access *access,
			     struct private_key **ret_key, struct fault *fault)
{
	const unsigned int number = parse_key_number(name);
	CLEANUP(clear_buffer) struct buffer numbered = {0};
	const char *url = access->url;

	if (number > 1) {
		if (number_key_url(url, number, &numbered, fault) < 0)
			return -1;
		url = (const char *)numbered.data;
	}
	if (open_token_key(url, bytes_of_secret(&access->pin), ret_key, fault) == 0)
		return 0;
	return access->pin_source != NULL ? prefix_fault(fault, "with %s", access->pin_source) : -1;
}

int open_private_key(const struct layout *layout, const char *name, const struct key_access *access,
		     struct private_key **ret_key, struct fault *fault)
{
	struct fault lost = {0};

	if (access->url == NULL) {
		if (open_key_file(layout, name, access, ret_key, &lost) == 0)
			return 0;
		/* One cause, one advice, whichever verb meets it. */
		return set_fault(fault, lost.class, "%s%s%s", lost.text,
				 lost.class == FAULT_NOT_FOUND ? KEY_ADVICE : "",
				 lost.class == FAULT_NOT_FOUND ? name : "");
	}
	return open_key_of_token(name, access, ret_key, fault);
}

int make_key_pem(enum key_type type, const struct key_access *access, struct private_key **ret_key,
		 struct secret *ret_pem, struct fault *fault)
{
	CLEANUP(free_private_key) struct private_key *key = NULL;

	if (generate_private_key(type, &key, fault) < 0)
		return -1;
	if ((access->passphrase.len > 0
		     ? format_encrypted_private_key(key, bytes_of_secret(&access->passphrase),
						    ret_pem, fault)
		     : format_private_key(key, ret_pem, fault)) < 0)
		return -1;
	*ret_key = TAKE(key);
	return 0;
}

int make_key_file(const struct layout *layout, const char *name, enum key_type type,
		  const struct key_access *access, struct fault *fault)
{
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(clear_secret) struct secret pem = {0};

	if (make_key_pem(type, access, &key, &pem, fault) < 0)
		return -1;
	if (write_file(layout->private, name, STAGE_NEW, 0600, bytes_of_secret(&pem), fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	return 0;
}
