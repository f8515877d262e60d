#ifndef CERTPOOL_CRYPTO_PASSPHRASE_SEAL_H
#define CERTPOOL_CRYPTO_PASSPHRASE_SEAL_H

#include "common/crypto/digest.h"

/*
 * Octets encrypted under a passphrase, in the form of
 *
 *   openssl enc -aes-256-cbc -pbkdf2 -iter 600000 -md sha256
 *
 * so that they can be opened without us: "Salted__", eight octets of salt, AES-256-CBC with key and
 * initialisation vector from PBKDF2 (RFC 8018, HMAC with SHA-256). That form says nothing of
 * whether it was changed: the same derivation gives a third value, with which whoever uses this
 * authenticates what was sealed, together with what belongs to it, before it is opened.
 */
enum { SEAL_SALT_LEN = 8, SEAL_KEY_LEN = 32, SEAL_IV_LEN = 16 };

struct seal_keys {
	uint8_t key[SEAL_KEY_LEN];
	uint8_t iv[SEAL_IV_LEN];
	uint8_t mac_key[SHA256_LEN]; /* octets 65 to 96 of what PBKDF2 gives */
};

void clear_seal_keys(struct seal_keys *keys);

/* Takes about a second, on purpose. */
void derive_seal_keys(struct bytes passphrase, const uint8_t salt[static SEAL_SALT_LEN],
		      struct seal_keys *ret_keys);

/* Seals under a fresh salt. Owns: clear_seal_keys. */
int seal_octets(struct bytes plaintext, struct bytes passphrase, struct buffer *ret_sealed,
		struct seal_keys *ret_keys, struct fault *fault) MUST_CHECK;

/* The salt of what was sealed. FAULT_MALFORMED for what does not have that form. */
int find_seal_salt(struct bytes sealed, uint8_t ret_salt[static SEAL_SALT_LEN],
		   struct fault *fault) MUST_CHECK;

/* FAULT_MALFORMED when there is no padding at the end, as of something else than was sealed. */
int open_seal(struct bytes sealed, const struct seal_keys *keys, struct secret *ret_plaintext,
	      struct fault *fault) MUST_CHECK;

/* HMAC with SHA-256 (RFC 2104). */
void hmac_sha256(const uint8_t key[static SHA256_LEN], struct bytes data,
		 uint8_t ret_mac[static SHA256_LEN]);

#endif
