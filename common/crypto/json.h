#ifndef CERTPOOL_CRYPTO_JSON_H
#define CERTPOOL_CRYPTO_JSON_H

#include "common/base/bytes.h"

#include <jansson.h>

/* Strict JSON for this folder and for wire/, which no other folder sees. */

/* json_decref for a `json_t *` local under CLEANUP. */
void free_json(json_t **json);

/*
 * Exactly one object: no duplicate member at any depth, no trailing data, no NUL in strings, UTF-8.
 * FAULT_MALFORMED says where and of what kind the flaw is, and quotes nothing: the text may hold a
 * key.
 */
int parse_json_object(struct bytes text, const char *name, json_t **ret_object,
		      struct fault *fault) MUST_CHECK;

/* A string member, borrowed; NULL when it is absent, or no string. */
const char *get_string(const json_t *object, const char *name);

#endif
