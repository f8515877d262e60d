#ifndef CERTPOOL_CRYPTO_KEY_CHECK_H
#define CERTPOOL_CRYPTO_KEY_CHECK_H

#include "common/crypto/key.h"

#include <gnutls/abstract.h>

/*
 * Checks a public key that GnuTLS parsed, RSA or Ed25519, as struct public_key promises. For key.c.
 * Errors: FAULT_REFUSED for a key that is weak or not of our types; FAULT_MALFORMED for a key on
 * P-256 or P-384, since parse_ec_spki accepts these in their one form.
 */
int check_public_key(gnutls_pubkey_t handle, enum key_type *ret_type,
		     struct fault *fault) MUST_CHECK;

enum { ED25519_POINT_LEN = 32 };

/*
 * Whether the octets are the one encoding (RFC 8032 section 5.1.2) of a point of edwards25519 whose
 * order is not 1, 2, 4 or 8: with points of these orders, one signature is valid for many messages.
 * The time depends on the point, so this is for public keys only.
 */
bool is_strong_ed25519_point(const uint8_t encoded[static ED25519_POINT_LEN]);

#endif
