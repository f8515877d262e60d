#ifndef CERTPOOL_TESTS_UNIT_CRYPTO_JOSE_SIGN_JWS_H
#define CERTPOOL_TESTS_UNIT_CRYPTO_JOSE_SIGN_JWS_H

#include "common/crypto/signature.h"

/* A flattened JWS over this header and payload, whatever they are; key NULL: its signature is
 * "AAAA". */
struct buffer make_jws(const struct private_key *key, const char *header, const char *payload);

/* The public key as JWK. Shape: P-256. */
struct buffer make_jwk(const struct private_key *key);

#endif
