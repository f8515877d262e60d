#ifndef CERTPOOL_TESTS_UNIT_CRYPTO_JOSE_OBJECTS_H
#define CERTPOOL_TESTS_UNIT_CRYPTO_JOSE_OBJECTS_H

#include "common/crypto/shared_key.h"
#include "common/crypto/signature.h"
#include "tests/unit/crypto/vectors.h"

/* JOSE objects that others made, by their parts: their headers are not ours, which we insist on. */

/* base64url that must be well formed. */
struct buffer octets_of(const char *base64url);

void strip_line_end(struct buffer *text);

/* Opens a compact A256KW + A256GCM JWE, whatever its header says. It must be one. */
struct buffer open_compact(struct bytes text, struct bytes kek);

/* A ring with one peer's key under a kid. */
struct key_ring make_ring(struct bytes k, const char *kid);

/*
 * The public key of a JWK with x and y on P-256, or with n and e, by way of GnuTLS; NULL when
 * parse_public_key refuses it.
 */
struct public_key *read_public_jwk(const json_t *jwk);

/* Whether the signature of a compact JWS holds, whatever its header says. */
bool verify_parts(struct bytes jws, const struct public_key *key,
		  enum signature_algorithm algorithm);

#endif
