#ifndef CERTPOOL_CRYPTO_DIGEST_H
#define CERTPOOL_CRYPTO_DIGEST_H

#include "common/base/bytes.h"

enum { SHA256_LEN = 32 };

/* SHA-256 (FIPS 180-4). */
void digest_sha256(struct bytes data, uint8_t ret_digest[static SHA256_LEN]);

#endif
