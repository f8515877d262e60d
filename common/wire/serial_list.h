#ifndef CERTPOOL_WIRE_SERIAL_LIST_H
#define CERTPOOL_WIRE_SERIAL_LIST_H

#include "common/wire/json.h"
#include "common/x509/serial.h"

/* Serials in a plaintext: 40 hexadecimal digits each. For the files of this folder only. */

/* NULL: out of memory. */
json_t *new_serial_json(const uint8_t serial[static SERIAL_MAX]);
json_t *new_serial_list_json(const uint8_t (*serials)[SERIAL_MAX], size_t count);

/* FAULT_MALFORMED, with the member's name, for anything but a serial. */
int parse_serial_json(const json_t *value, const char *name, uint8_t ret_serial[static SERIAL_MAX],
		      struct fault *fault) MUST_CHECK;

/*
 * Reads the member "serials": 1 to `most`, all different.
 * Owns: *ret_serials is the caller's, free.
 * Errors: FAULT_TOO_LARGE for more, FAULT_MALFORMED.
 */
int parse_serial_list(const json_t *list, size_t most, uint8_t (**ret_serials)[SERIAL_MAX],
		      size_t *ret_count, struct fault *fault) MUST_CHECK;

#endif
