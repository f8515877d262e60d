#include "common/base/hex.h"

#include <string.h>

static const char digits[] = "0123456789abcdef";

int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

/* Without a NUL at the end. */
static void write_digits(struct bytes octets, char *text)
{
	for (size_t i = 0; i < octets.len; i++) {
		text[2 * i] = digits[octets.data[i] >> 4];
		text[2 * i + 1] = digits[octets.data[i] & 0xf];
	}
}

void format_hex(struct bytes octets, char *ret_text)
{
	write_digits(octets, ret_text);
	ret_text[2 * octets.len] = '\0';
}

void append_hex(struct buffer *buffer, struct bytes octets)
{
	uint8_t *text = extend_buffer(buffer, 2 * octets.len);

	if (text != NULL)
		write_digits(octets, (char *)text);
}

bool parse_hex(const char *text, uint8_t *ret_octets, size_t len)
{
	if (strlen(text) != 2 * len || strspn(text, digits) != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned int high = (unsigned int)hex_value(text[2 * i]);
		unsigned int low = (unsigned int)hex_value(text[2 * i + 1]);

		ret_octets[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
