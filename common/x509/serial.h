#ifndef CERTPOOL_X509_SERIAL_H
#define CERTPOOL_X509_SERIAL_H

#include "common/base/bytes.h"

/* Serials of certificates (RFC 5280 section 4.1.2.2): the contents octets of an INTEGER. */

enum { SERIAL_MAX = 20, SERIAL_TEXT_SIZE = 2 * SERIAL_MAX + 1 };

/* Draws a serial of 159 random bits. The top bit is clear and the first octet is not zero, so that
   the INTEGER is positive and always has 20 octets. */
int generate_serial(uint8_t ret_serial[static SERIAL_MAX], struct fault *fault) MUST_CHECK;

/*
 * Writes a serial in lower-case hexadecimal; openssl writes the same in upper case.
 * Shape: at most SERIAL_MAX octets; further ones are left out.
 */
void format_serial(struct bytes serial, char ret_text[static SERIAL_TEXT_SIZE]);

/*
 * Reads the serial of one of our own certificates, as people and programs write it: SERIAL_MAX
 * octets in hexadecimal of either case, with or without "0x" in front, and with a colon between all
 * octets or none. Digits are always hexadecimal, even if all of them are 0 to 9.
 * Errors: FAULT_MALFORMED with the numbers of digits expected and found.
 */
int parse_serial(const char *text, uint8_t ret_serial[static SERIAL_MAX],
		 struct fault *fault) MUST_CHECK;

/* Whether the text has only hexadecimal digits and colons, after an optional "0x": it is a serial
   or a fragment of one, unless it is a name. */
bool is_hexadecimal(const char *text);

#endif
