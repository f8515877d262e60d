#ifndef CERTPOOL_CRYPTO_KEY_CHECK_H
#define CERTPOOL_CRYPTO_KEY_CHECK_H

#include "common/crypto/key.h"

#include <gnutls/abstract.h>

/* For key.c: the type of a public key that GnuTLS read, RSA or Ed25519, or FAULT_REFUSED for one
   that is not of our types or is weak, as the comment of struct public_key says. FAULT_MALFORMED
   for an EC key: parse_ec_spki reads those that are as they should be. */
int check_public_key(gnutls_pubkey_t handle, enum key_type *ret_type,
		     struct fault *fault) MUST_CHECK;

enum { ED25519_POINT_LEN = 32 };

/*
 * Whether the octets are the one encoding (RFC 8032 section 5.1.2) of a point of edwards25519 whose
 * order is not 1, 2, 4 or 8: under those, signatures can be made that hold for any message. For
 * public keys: not in constant time.
 */
bool is_strong_ed25519_point(const uint8_t encoded[static ED25519_POINT_LEN]);

#endif
