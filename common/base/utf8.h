#ifndef CERTPOOL_BASE_UTF8_H
#define CERTPOOL_BASE_UTF8_H

#include "common/base/bytes.h"

/*
 * Takes the first character off *text. False, with *text unchanged, at the end of the text and for
 * octets that are not UTF-8 (RFC 3629: overlong, surrogate, beyond U+10FFFF, or cut off).
 */
bool read_utf8(struct bytes *text, uint32_t *ret_character);

/*
 * True for characters that change how the text around them is displayed or where a line ends:
 * controls, line and paragraph separators, and marks that override the direction of writing. A name
 * with one of them can look like another name.
 */
bool deceptive_character(uint32_t character);

#endif
