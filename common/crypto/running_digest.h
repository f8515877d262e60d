#ifndef CERTPOOL_CRYPTO_RUNNING_DIGEST_H
#define CERTPOOL_CRYPTO_RUNNING_DIGEST_H

#include "common/crypto/digest.h"

/* SHA-256 of what is too long to be in memory: it comes a piece at a time. */
struct running_digest;

int new_running_digest(struct running_digest **ret_digest, struct fault *fault) MUST_CHECK;
void free_running_digest(struct running_digest **digest);
void update_digest(struct running_digest *digest, struct bytes data);

/* The digest of what came so far; the next one begins anew. */
void finish_digest(struct running_digest *digest, uint8_t ret_digest[static SHA256_LEN]);

enum { SHA256_TEXT_SIZE = 2 * SHA256_LEN + 1 };

/* Lower-case hex, as sha256sum has it. */
void format_sha256(const uint8_t digest[static SHA256_LEN], char ret_text[static SHA256_TEXT_SIZE]);

#endif
