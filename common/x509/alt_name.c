#include "common/x509/alt_name.h"

#include "common/x509/der.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOST_LEN_MAX = 253, LABEL_LEN_MAX = 63, LOCAL_PART_LEN_MAX = 64 };

#define DIGITS "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static bool valid_label(const char *label, size_t len)
{
	return len > 0 && len <= LABEL_LEN_MAX && label[0] != '-' && label[len - 1] != '-' &&
	       strspn(label, LETTERS DIGITS "-_") >= len;
}

/* Labels, the last of which is not a number: so that no address is taken for a name (RFC 1123
   section 2.1). */
static bool valid_host(const char *host)
{
	if (strlen(host) > HOST_LEN_MAX)
		return false;
	for (;;) {
		size_t len = strcspn(host, ".");

		if (!valid_label(host, len))
			return false;
		if (host[len] == '\0')
			return strspn(host, DIGITS) < len;
		host += len + 1;
	}
}

static bool valid_dns(const char *value)
{
	return valid_host(strncmp(value, "*.", 2) == 0 ? value + 2 : value);
}

static bool valid_email(const char *value)
{
	size_t local_len = strspn(value, LETTERS DIGITS "!#$%&'*+-/=?^_`{|}~.");

	return local_len > 0 && local_len <= LOCAL_PART_LEN_MAX && value[0] != '.' &&
	       value[local_len - 1] != '.' && value[local_len] == '@' &&
	       valid_host(value + local_len + 1);
}

static bool valid_uri(const char *value)
{
	size_t scheme_len = strspn(value, LETTERS DIGITS "+-.");

	if (scheme_len == 0 || strspn(value, LETTERS) == 0 || value[scheme_len] != ':' ||
	    value[scheme_len + 1] == '\0')
		return false;
	for (const char *percent = strchr(value, '%'); percent != NULL;
	     percent = strchr(percent + 1, '%'))
		if (strspn(percent + 1, DIGITS "ABCDEFabcdef") < 2)
			return false;
	return value[strspn(value, LETTERS DIGITS "-._~:/?#[]@!$&'()*+,;=%")] == '\0';
}

/* Returns the length of the address in octets; 0 for text that is not an IP address. */
static size_t parse_ip(const char *value, uint8_t ret_address[static 16])
{
	if (inet_pton(AF_INET, value, ret_address) == 1)
		return 4;
	return inet_pton(AF_INET6, value, ret_address) == 1 ? 16 : 0;
}

static bool valid_ip(const char *value)
{
	uint8_t address[16];

	return parse_ip(value, address) > 0;
}

enum { KIND_DNS, KIND_URI, KIND_EMAIL, KIND_IP, KIND_COUNT };

static const struct kind {
	const char *prefix;
	uint8_t tag;
	bool (*valid)(const char *value);
} kinds[KIND_COUNT] = {
	[KIND_DNS] = {"DNS:", DER_CONTEXT + 2, valid_dns},
	[KIND_URI] = {"URI:", DER_CONTEXT + 6, valid_uri},
	[KIND_EMAIL] = {"email:", DER_CONTEXT + 1, valid_email},
	[KIND_IP] = {"IP:", DER_CONTEXT + 7, valid_ip},
};

/* The kind of the name, and the text after the prefix; NULL for an unknown prefix. */
static const struct kind *find_kind(const char *name, const char **ret_value)
{
	for (size_t i = 0; i < KIND_COUNT; i++) {
		size_t len = strlen(kinds[i].prefix);

		if (strncmp(name, kinds[i].prefix, len) == 0) {
			*ret_value = name + len;
			return &kinds[i];
		}
	}
	return NULL;
}

/* "IP:" and the address in the form of RFC 5952; NULL without memory. Owns: the caller frees. */
static char *format_ip(const uint8_t *address, size_t len)
{
	char text[sizeof("IP:") + INET6_ADDRSTRLEN] = "IP:";

	(void)inet_ntop(len == 4 ? AF_INET : AF_INET6, address, text + 3, sizeof(text) - 3);
	return strdup(text);
}

static char *copy_canonical(const struct kind *kind, const char *name, const char *value)
{
	uint8_t address[16];

	if (kind == &kinds[KIND_IP])
		return format_ip(address, parse_ip(value, address));
	return strdup(name);
}

static bool printable(const char *name)
{
	for (; *name != '\0'; name++)
		if (*name <= ' ' || *name >= 0x7f)
			return false;
	return true;
}

int add_alt_name(struct alt_names *names, const char *name, struct fault *fault)
{
	CLEANUP(free_string) char *copy = NULL;
	const char *value = "";
	const struct kind *kind = find_kind(name, &value);
	char **larger;

	if (!printable(name))
		return set_fault(fault, FAULT_MALFORMED,
				 "alternative name: expected ASCII without spaces and control "
				 "characters (RFC 5280 section 4.2.1.6)");
	if (kind == NULL)
		return set_fault(
			fault, FAULT_MALFORMED,
			"alternative name \"%.64s\": expected DNS:, URI:, email: or IP:", name);
	if (strlen(name) > ALT_NAME_MAX)
		return set_fault(fault, FAULT_MALFORMED,
				 "alternative name \"%.64s…\": expected at most %d characters",
				 name, ALT_NAME_MAX);
	if (kind == &kinds[KIND_DNS] && valid_ip(value))
		return set_fault(
			fault, FAULT_MALFORMED,
			"alternative name \"%s\": expected a host's name (RFC 1123 section "
			"2.1), found an address: write \"IP:%s\"",
			name, value);
	if (!kind->valid(value))
		return set_fault(fault, FAULT_MALFORMED,
				 "alternative name \"%s\": not well formed after \"%s\" (RFC 5280 "
				 "section 4.2.1.6)",
				 name, kind->prefix);
	copy = copy_canonical(kind, name, value);
	larger = reallocarray(names->names, names->count + 1, sizeof(*names->names));
	if (larger != NULL)
		names->names = larger;
	if (copy == NULL || larger == NULL)
		return set_memory_fault(fault);
	names->names[names->count++] = TAKE(copy);
	return 0;
}

bool has_alt_name(const struct alt_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->names[i], name) == 0)
			return true;
	return false;
}

void clear_alt_names(struct alt_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->names[i]);
	free(names->names);
	*names = (struct alt_names){0};
}

/* Adds the name that one GeneralName holds. */
static int add_general_name(struct alt_names *names, const struct der_item *item,
			    struct fault *fault)
{
	CLEANUP(free_string) char *text = NULL;
	size_t i = 0;

	while (i < KIND_COUNT && kinds[i].tag != item->tag)
		i++;
	if (i == KIND_COUNT)
		return set_fault(fault, FAULT_MALFORMED,
				 "alternative name: certpool expects a DNS name, URI, e-mail or IP "
				 "address, found a GeneralName of tag 0x%02x",
				 item->tag);
	if (i == KIND_IP && item->content.len != 4 && item->content.len != 16)
		return set_fault(fault, FAULT_MALFORMED,
				 "alternative name: IP address: expected 4 or 16 octets, found %zu",
				 item->content.len);
	if (i != KIND_IP && memchr(item->content.data, '\0', item->content.len) != NULL)
		return set_fault(fault, FAULT_MALFORMED, "alternative name: it has a NUL in it");
	if (i == KIND_IP)
		text = format_ip(item->content.data, item->content.len);
	else if (asprintf(&text, "%s%.*s", kinds[i].prefix, (int)item->content.len,
			  (const char *)item->content.data) < 0)
		text = NULL;
	if (text == NULL)
		return set_memory_fault(fault);
	return add_alt_name(names, text, fault);
}

int parse_alt_names(struct bytes der, struct alt_names *ret_names, struct fault *fault)
{
	CLEANUP(clear_alt_names) struct alt_names names = {0};
	struct der_item sequence;
	struct der_item item;

	if (check_der(der, "subjectAltName", fault) < 0)
		return -1;
	if (!read_der_tagged(&der, DER_SEQUENCE, &sequence) || sequence.content.len == 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "subjectAltName: expected a sequence of at least one name");
	while (read_der(&sequence.content, &item))
		if (add_general_name(&names, &item, fault) < 0)
			return -1;
	MOVE(ret_names, names);
	return 0;
}

static void append_general_name(struct buffer *buffer, const char *name)
{
	const char *value = "";
	const struct kind *kind = find_kind(name, &value);
	struct bytes content = bytes_of_string(value);
	uint8_t address[16];

	/* add_alt_name accepted the name, so it has a kind. */
	if (kind == NULL)
		return;
	if (kind == &kinds[KIND_IP])
		content = (struct bytes){address, parse_ip(value, address)};
	append_der(buffer, kind->tag, content);
}

void append_alt_names(struct buffer *buffer, const struct alt_names *names)
{
	CLEANUP(clear_buffer) struct buffer content = {0};

	for (size_t i = 0; i < names->count; i++)
		append_general_name(&content, names->names[i]);
	append_der(buffer, DER_SEQUENCE, bytes_of_buffer(&content));
	buffer->failed |= content.failed;
}
