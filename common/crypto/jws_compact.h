#ifndef CERTPOOL_CRYPTO_JWS_COMPACT_H
#define CERTPOOL_CRYPTO_JWS_COMPACT_H

#include "common/crypto/json.h"

/* The compact serialisation that JWS and JWE share (RFC 7515 section 3.1, RFC 7516 section 3.1);
   for this folder. */

enum { COMPACT_PARTS_MAX = 5, HEADER_MAX = 32768 };

/* Cuts the text at its dots into exactly `count` parts, which borrow from it. */
int split_compact(struct bytes text, size_t count, struct bytes ret_parts[static COMPACT_PARTS_MAX],
		  struct fault *fault) MUST_CHECK;

/*
 * A protected header: base64url of one JSON object of at most HEADER_MAX octets, without duplicate
 * members, trailing data or NUL, whose members are all among `allowed` (ends with NULL). A member
 * that is not allowed is refused by name: crit, zip, jku, x5u, jwk and p2c among them.
 */
int parse_header(struct bytes part, const char *const *allowed, json_t **ret_header,
		 struct fault *fault) MUST_CHECK;

#endif
