#ifndef CERTPOOL_BASE_HEX_H
#define CERTPOOL_BASE_HEX_H

#include "common/base/bytes.h"

/* Hexadecimal (RFC 4648 section 8): two digits an octet, written in lower case. */

/* The value of a digit of either case; -1 for any other character. */
int hex_value(char digit);

/* Shape: ret_text has room for 2 * octets.len + 1 characters. */
void format_hex(struct bytes octets, char *ret_text);
void append_hex(struct buffer *buffer, struct bytes octets);

/* False, with ret_octets untouched, unless the text is exactly 2 * len lower-case digits. */
bool parse_hex(const char *text, uint8_t *ret_octets, size_t len);

#endif
