#ifndef CERTPOOL_CRYPTO_DIGEST_H
#define CERTPOOL_CRYPTO_DIGEST_H

#include "common/base/bytes.h"

/* Digests of the SHA-2 family (FIPS 180-4). */
enum digest_algorithm { DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512 };

enum { SHA256_LEN = 32, DIGEST_MAX = 64 };

/* Returns the length of the digest in octets. */
size_t compute_digest(enum digest_algorithm algorithm, struct bytes data,
		      uint8_t ret_digest[static DIGEST_MAX]);

/*
 * HMAC (RFC 2104) over the pieces, one after the other. Returns the length of the MAC in octets,
 * which is that of the digest.
 */
size_t compute_hmac(enum digest_algorithm algorithm, struct bytes key, const struct bytes *pieces,
		    size_t piece_count, uint8_t ret_mac[static DIGEST_MAX]);

void hmac_sha256(const uint8_t key[static SHA256_LEN], struct bytes data,
		 uint8_t ret_mac[static SHA256_LEN]);

/*
 * HKDF with SHA-256 (RFC 5869), without salt: a key for the purpose that the label names, which
 * says nothing of the secret or of the keys under other labels. Shape: the secret is a random key.
 */
void derive_key(struct bytes secret, const char *label, uint8_t ret_key[static SHA256_LEN]);

void digest_sha256(struct bytes data, uint8_t ret_digest[static SHA256_LEN]);

/* A SHA-256 computation over data that arrives in pieces, like a file too long for memory. */
struct running_digest;

int new_running_digest(struct running_digest **ret_digest, struct fault *fault) MUST_CHECK;
void free_running_digest(struct running_digest **digest);
void update_digest(struct running_digest *digest, struct bytes data);

/* The digest of the pieces so far. The object then starts a new computation. */
void finish_digest(struct running_digest *digest, uint8_t ret_digest[static SHA256_LEN]);

enum { SHA256_TEXT_SIZE = 2 * SHA256_LEN + 1 };

/* Lower-case hexadecimal, as sha256sum prints it. */
void format_sha256(const uint8_t digest[static SHA256_LEN], char ret_text[static SHA256_TEXT_SIZE]);

#endif
