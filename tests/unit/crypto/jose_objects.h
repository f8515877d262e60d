#ifndef CERTPOOL_TESTS_UNIT_CRYPTO_JOSE_OBJECTS_H
#define CERTPOOL_TESTS_UNIT_CRYPTO_JOSE_OBJECTS_H

#include "common/crypto/shared_key.h"
#include "common/crypto/signature.h"
#include "tests/unit/crypto/vectors.h"

/* The parts of other programs' JOSE objects, whose headers our parsers would refuse. */

/* Decodes base64url; an error ends the test. */
struct buffer octets_of(const char *base64url);

void strip_line_end(struct buffer *text);

/* Decrypts a compact A256KW + A256GCM JWE, and ignores its header. */
struct buffer open_compact(struct bytes text, struct bytes kek);

/* A ring with one peer's key under a kid. */
struct key_ring make_ring(struct bytes k, const char *kid);

/*
 * The public key of a JWK with x and y on P-256, or with n and e, through GnuTLS; NULL if
 * parse_public_key refuses it.
 */
struct public_key *read_public_jwk(const json_t *jwk);

/* Whether the signature of a compact JWS is valid; its header is ignored. */
bool verify_parts(struct bytes jws, const struct public_key *key,
		  enum signature_algorithm algorithm);

#endif
