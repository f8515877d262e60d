#ifndef CERTPOOL_CRYPTO_DIGEST_H
#define CERTPOOL_CRYPTO_DIGEST_H

#include "common/base/bytes.h"

/* FIPS 180-4. */
enum digest_algorithm { DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512 };

enum { SHA256_LEN = 32, DIGEST_MAX = 64 };

/* Returns how many octets of ret_digest were filled. */
size_t compute_digest(enum digest_algorithm algorithm, struct bytes data,
		      uint8_t ret_digest[static DIGEST_MAX]);

void digest_sha256(struct bytes data, uint8_t ret_digest[static SHA256_LEN]);

#endif
