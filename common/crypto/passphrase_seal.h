#ifndef CERTPOOL_CRYPTO_PASSPHRASE_SEAL_H
#define CERTPOOL_CRYPTO_PASSPHRASE_SEAL_H

#include "common/crypto/digest.h"

/*
 * Octets encrypted under a passphrase, in the form of
 *
 *   openssl enc -aes-256-cbc -pbkdf2 -iter 600000 -md sha256
 *
 * so that openssl can decrypt them: "Salted__", eight octets of salt, AES-256-CBC with key and
 * initialisation vector from PBKDF2 (RFC 8018, HMAC with SHA-256). This form does not detect
 * changes. The derivation therefore gives a third value, a MAC key, with which the caller must
 * authenticate the sealed octets before it opens them.
 */
enum { SEAL_SALT_LEN = 8, SEAL_KEY_LEN = 32, SEAL_IV_LEN = 16 };

struct seal_keys {
	uint8_t key[SEAL_KEY_LEN];
	uint8_t iv[SEAL_IV_LEN];
	uint8_t mac_key[SHA256_LEN]; /* octets 65 to 96 of the output of PBKDF2 */
};

void clear_seal_keys(struct seal_keys *keys);

/* Derives the keys of a seal. Takes about a second, on purpose. */
void derive_seal_keys(struct bytes passphrase, const uint8_t salt[static SEAL_SALT_LEN],
		      struct seal_keys *ret_keys);

/* Encrypts under a new salt. Owns: the caller clears *ret_keys, also on failure. */
int seal_octets(struct bytes plaintext, struct bytes passphrase, struct buffer *ret_sealed,
		struct seal_keys *ret_keys, struct fault *fault) MUST_CHECK;

/* The salt of sealed octets. Errors: FAULT_MALFORMED if they do not have the form above. */
int find_seal_salt(struct bytes sealed, uint8_t ret_salt[static SEAL_SALT_LEN],
		   struct fault *fault) MUST_CHECK;

/* Decrypts. Shape: find_seal_salt has accepted the octets.
   Errors: FAULT_MALFORMED if the padding is wrong, which a changed text or another key may cause.
 */
int open_seal(struct bytes sealed, const struct seal_keys *keys, struct secret *ret_plaintext,
	      struct fault *fault) MUST_CHECK;

#endif
