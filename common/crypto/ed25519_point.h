#ifndef CERTPOOL_CRYPTO_ED25519_POINT_H
#define CERTPOOL_CRYPTO_ED25519_POINT_H

#include <stdbool.h>
#include <stdint.h>

enum { ED25519_POINT_LEN = 32 };

/*
 * Whether the octets are the one encoding (RFC 8032 section 5.1.2) of a point of edwards25519 whose
 * order is not 1, 2, 4 or 8: under those, signatures can be made that hold for any message. For
 * public keys: not in constant time.
 */
bool is_strong_ed25519_point(const uint8_t encoded[static ED25519_POINT_LEN]);

#endif
