#ifndef CERTPOOL_CRYPTO_AES_H
#define CERTPOOL_CRYPTO_AES_H

#include "common/crypto/shared_key.h"

/* The two AES modes that encrypt_message is made of; for this folder and its tests. */

enum {
	CONTENT_KEY_LEN = 32,
	WRAPPED_KEY_LEN = CONTENT_KEY_LEN + 8,
	GCM_IV_LEN = 12,
	GCM_TAG_LEN = 16,
};

/* AES key wrap (RFC 3394) of a 256-bit key under a 256-bit key. */
void wrap_key(const uint8_t kek[static SHARED_KEY_LEN], const uint8_t key[static CONTENT_KEY_LEN],
	      uint8_t ret_wrapped[static WRAPPED_KEY_LEN]);

/* False when the integrity check fails; ret_key is then zeroed. */
bool unwrap_key(const uint8_t kek[static SHARED_KEY_LEN],
		const uint8_t wrapped[static WRAPPED_KEY_LEN],
		uint8_t ret_key[static CONTENT_KEY_LEN]) MUST_CHECK;

/* AES-256-GCM (NIST SP 800-38D). ret_ciphertext has room for plaintext.len octets. */
void seal(const uint8_t key[static CONTENT_KEY_LEN], const uint8_t iv[static GCM_IV_LEN],
	  struct bytes associated, struct bytes plaintext, uint8_t *ret_ciphertext,
	  uint8_t ret_tag[static GCM_TAG_LEN]);

/* What seal made, taken apart. */
struct sealed {
	const uint8_t *iv; /* GCM_IV_LEN */
	struct bytes associated;
	struct bytes ciphertext;
	const uint8_t *tag; /* GCM_TAG_LEN */
};

/* False when the tag does not hold; ret_plaintext (ciphertext.len octets) is then zeroed. */
bool open_sealed(const uint8_t key[static CONTENT_KEY_LEN], const struct sealed *sealed,
		 uint8_t *ret_plaintext) MUST_CHECK;

#endif
