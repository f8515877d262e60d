#ifndef CERTPOOL_CRYPTO_JWS_COMPACT_H
#define CERTPOOL_CRYPTO_JWS_COMPACT_H

#include "common/crypto/json.h"

/* The compact serialisation of JWS and JWE (RFC 7515 section 3.1, RFC 7516 section 3.1): parts
   between dots. For this folder. */

enum { COMPACT_PARTS_MAX = 5, HEADER_MAX = 32768 };

/* Cuts the text at its dots into exactly `count` parts, which borrow from it.
   Errors: FAULT_MALFORMED for another number of parts. */
int split_compact(struct bytes text, size_t count, struct bytes ret_parts[static COMPACT_PARTS_MAX],
		  struct fault *fault) MUST_CHECK;

/*
 * Parses a protected header: base64url, of at most HEADER_MAX characters, of one JSON object
 * (parse_json_object). `allowed` lists the names that its members may have, and ends with NULL.
 * Errors: FAULT_MALFORMED, with the name of a member that is not allowed, like crit, zip or jku.
 */
int parse_header(struct bytes part, const char *const *allowed, json_t **ret_header,
		 struct fault *fault) MUST_CHECK;

#endif
