#ifndef CERTPOOL_BASE_UTF8_H
#define CERTPOOL_BASE_UTF8_H

#include "common/base/bytes.h"

/*
 * Takes the next character off *text. False, and *text as it was, at the end and for what is not
 * UTF-8 (RFC 3629: overlong forms, surrogates, beyond U+10FFFF, cut off).
 */
bool read_utf8(struct bytes *text, uint32_t *ret_character);

/*
 * Characters that change how the text around them is shown or where a line ends: controls, line
 * and paragraph separators, and those that override the direction of writing. A name with one of
 * them can be shown as another name.
 */
bool deceptive_character(uint32_t character);

#endif
