#ifndef CERTPOOL_CRYPTO_AES_H
#define CERTPOOL_CRYPTO_AES_H

#include "common/crypto/shared_key.h"

/* The two AES modes of encrypt_message. For this folder and its tests. */

enum {
	CONTENT_KEY_LEN = 32,
	WRAPPED_KEY_LEN = CONTENT_KEY_LEN + 8,
	GCM_IV_LEN = 12,
	GCM_TAG_LEN = 16,
};

/* Wraps a 256-bit key under a 256-bit key: AES key wrap (RFC 3394). */
void wrap_key(const uint8_t kek[static SHARED_KEY_LEN], const uint8_t key[static CONTENT_KEY_LEN],
	      uint8_t ret_wrapped[static WRAPPED_KEY_LEN]);

/* False if the integrity check fails; ret_key is zeroed then. */
bool unwrap_key(const uint8_t kek[static SHARED_KEY_LEN],
		const uint8_t wrapped[static WRAPPED_KEY_LEN],
		uint8_t ret_key[static CONTENT_KEY_LEN]) MUST_CHECK;

/* Encrypts with AES-256-GCM (NIST SP 800-38D). The tag authenticates `associated` too.
   Shape: ret_ciphertext has room for plaintext.len octets. */
void seal(const uint8_t key[static CONTENT_KEY_LEN], const uint8_t iv[static GCM_IV_LEN],
	  struct bytes associated, struct bytes plaintext, uint8_t *ret_ciphertext,
	  uint8_t ret_tag[static GCM_TAG_LEN]);

/* The input and output of seal, as open_sealed needs them. */
struct sealed {
	const uint8_t *iv; /* GCM_IV_LEN */
	struct bytes associated;
	struct bytes ciphertext;
	const uint8_t *tag; /* GCM_TAG_LEN */
};

/* Decrypts. False if the tag does not match; ret_plaintext is zeroed then.
   Shape: ret_plaintext has room for ciphertext.len octets. */
bool open_sealed(const uint8_t key[static CONTENT_KEY_LEN], const struct sealed *sealed,
		 uint8_t *ret_plaintext) MUST_CHECK;

#endif
