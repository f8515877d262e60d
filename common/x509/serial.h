#ifndef CERTPOOL_X509_SERIAL_H
#define CERTPOOL_X509_SERIAL_H

#include "common/base/bytes.h"

/*
 * The serials of our own certificates as people and programs write them: SERIAL_MAX octets in
 * hexadecimal, of any case, with "0x" before them or not, with a colon between all octets or none.
 * Never decimal: forty digits 0 to 9 are hexadecimal too. What format_serial prints is read.
 */

enum { SERIAL_MAX = 20, SERIAL_TEXT_SIZE = 2 * SERIAL_MAX + 1 };

/* A serial: 160 bits, of which 159 random, the top bit clear and the first octet not zero, so that
   the INTEGER is positive and has 20 octets always (RFC 5280 section 4.1.2.2). */
int generate_serial(uint8_t ret_serial[static SERIAL_MAX], struct fault *fault) MUST_CHECK;

/*
 * Lower-case hex of the serial's contents octets, as openssl prints it but in lower case.
 * Shape: at most SERIAL_MAX octets; more are left out.
 */
void format_serial(struct bytes serial, char ret_text[static SERIAL_TEXT_SIZE]);

/* FAULT_MALFORMED says how many digits there are, and how many are expected. */
int parse_serial(const char *text, uint8_t ret_serial[static SERIAL_MAX],
		 struct fault *fault) MUST_CHECK;

/* Whether a text has nothing but hexadecimal digits and colons after a "0x": it can only be meant
   as a serial, or a part of one, unless it is a name. */
bool is_hexadecimal(const char *text);

#endif
