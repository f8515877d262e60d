#ifndef CERTPOOL_X509_SERIAL_H
#define CERTPOOL_X509_SERIAL_H

#include "common/x509/certificate.h"

#include <stdbool.h>

/*
 * The serials of our own certificates as people and programs write them: SERIAL_MAX octets in
 * hexadecimal, of any case, with "0x" before them or not, with a colon between all octets or none.
 * Never decimal: forty digits 0 to 9 are hexadecimal too. What format_serial prints is read.
 */

/* FAULT_MALFORMED says how many digits there are, and how many are expected. */
int parse_serial(const char *text, uint8_t ret_serial[static SERIAL_MAX],
		 struct fault *fault) MUST_CHECK;

/* Whether a text has nothing but hexadecimal digits and colons after a "0x": it can only be meant
   as a serial, or a part of one, unless it is a name. */
bool is_hexadecimal(const char *text);

#endif
