#include "common/layout/usages.h"

#include <stdio.h>
#include <string.h>

/* In the order in which lists have them. */
static const struct {
	const char *name;
	enum usage usage;
} rows[] = {
	{"sign", USE_SIGN},
	{"client", USE_CLIENT},
	{"server", USE_SERVER},
	{"email", USE_EMAIL},
	{"key-encipherment", USE_KEY_ENCIPHERMENT},
};

static int find_usage(const char *text, size_t len, enum usage *ret_usage, struct fault *fault)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (strlen(rows[i].name) != len || strncmp(rows[i].name, text, len) != 0)
			continue;
		*ret_usage = rows[i].usage;
		return 0;
	}
	return set_fault(fault, FAULT_USAGE,
			 "\"%.*s\" is no usage: expected sign, client, server, email or "
			 "key-encipherment",
			 (int)(len < 64 ? len : 64), text);
}

int parse_usage(const char *text, enum usage *ret_usage, struct fault *fault)
{
	return find_usage(text, strlen(text), ret_usage, fault);
}

int check_usages(unsigned int usages, struct fault *fault)
{
	if (usages == 0)
		return set_fault(fault, FAULT_USAGE, "expected a usage, found none");
	if ((usages & USE_KEY_ENCIPHERMENT) != 0 && (usages & USE_SERVER) == 0)
		return set_fault(fault, FAULT_USAGE,
				 "key-encipherment: expected server beside it, found none: it is "
				 "for RSA servers of TLS 1.2");
	return 0;
}

int parse_usage_list(const char *text, unsigned int *ret_usages, struct fault *fault)
{
	unsigned int usages = 0;

	for (const char *item = text;;) {
		size_t len = strcspn(item, ",");
		enum usage usage;

		if (find_usage(item, len, &usage, fault) < 0)
			return -1;
		if ((usages & usage) != 0)
			return set_fault(fault, FAULT_USAGE,
					 "expected each usage once, found %.*s again", (int)len,
					 item);
		usages |= usage;
		if (item[len] == '\0')
			break;
		item += len + 1;
	}
	if (check_usages(usages, fault) < 0)
		return -1;
	*ret_usages = usages;
	return 0;
}

void format_usages(unsigned int usages, char ret_text[static USAGES_TEXT_SIZE])
{
	size_t len = 0;

	ret_text[0] = '\0';
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if ((usages & rows[i].usage) != 0)
			len += (size_t)snprintf(ret_text + len, USAGES_TEXT_SIZE - len, "%s%s",
						len > 0 ? "," : "", rows[i].name);
}

void append_usage_list(unsigned int usages, struct buffer *buffer)
{
	char text[USAGES_TEXT_SIZE];

	format_usages(usages, text);
	append_string(buffer, text);
}
