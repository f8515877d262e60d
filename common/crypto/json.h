#ifndef CERTPOOL_CRYPTO_JSON_H
#define CERTPOOL_CRYPTO_JSON_H

#include "common/base/bytes.h"

#include <jansson.h>

/* Strict JSON, on jansson. For this folder and for wire/ only. */

/* json_decref for a `json_t *` local under CLEANUP. */
void free_json(json_t **json);

/*
 * The most values (members, elements) in a text, and the most octets in one of its strings, as it
 * is encoded. They are counted before anything is parsed: jansson takes some 100 octets for each
 * value, even an empty one of two octets, and twice a string's length.
 */
enum { JSON_VALUES_MAX = 10000, JSON_STRING_MAX = 65536 };

/*
 * Parses exactly one object: UTF-8, no duplicate member at any depth, no trailing data, no NUL in
 * strings, within the limits above. `name` names the object in the fault.
 * Errors: FAULT_MALFORMED with the position and the kind of the problem, without any of the text,
 * which may hold a key.
 */
int parse_json_object(struct bytes text, const char *name, json_t **ret_object,
		      struct fault *fault) MUST_CHECK;

/* A string member, borrowed; NULL if it is absent or not a string. */
const char *get_string(const json_t *object, const char *name);

#endif
