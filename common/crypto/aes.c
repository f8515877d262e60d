#include "common/crypto/aes.h"

#include <nettle/gcm.h>
#include <nettle/nist-keywrap.h>

/* RFC 3394 section 2.2.3.1 */
static const uint8_t wrap_iv[8] = {0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6};

void wrap_key(const uint8_t kek[static SHARED_KEY_LEN], const uint8_t key[static CONTENT_KEY_LEN],
	      uint8_t ret_wrapped[static WRAPPED_KEY_LEN])
{
	struct aes256_ctx context;

	aes256_set_encrypt_key(&context, kek);
	aes256_keywrap(&context, wrap_iv, WRAPPED_KEY_LEN, ret_wrapped, key);
	wipe(&context, sizeof(context));
}

bool unwrap_key(const uint8_t kek[static SHARED_KEY_LEN],
		const uint8_t wrapped[static WRAPPED_KEY_LEN],
		uint8_t ret_key[static CONTENT_KEY_LEN])
{
	struct aes256_ctx context;
	bool good;

	aes256_set_decrypt_key(&context, kek);
	good = aes256_keyunwrap(&context, wrap_iv, CONTENT_KEY_LEN, ret_key, wrapped) == 1;
	wipe(&context, sizeof(context));
	if (!good)
		wipe(ret_key, CONTENT_KEY_LEN);
	return good;
}

static void start(struct gcm_aes256_ctx *context, const uint8_t *key, const uint8_t *iv,
		  struct bytes associated)
{
	gcm_aes256_set_key(context, key);
	gcm_aes256_set_iv(context, GCM_IV_LEN, iv);
	gcm_aes256_update(context, associated.len, associated.data);
}

void seal(const uint8_t key[static CONTENT_KEY_LEN], const uint8_t iv[static GCM_IV_LEN],
	  struct bytes associated, struct bytes plaintext, uint8_t *ret_ciphertext,
	  uint8_t ret_tag[static GCM_TAG_LEN])
{
	struct gcm_aes256_ctx context;

	start(&context, key, iv, associated);
	gcm_aes256_encrypt(&context, plaintext.len, ret_ciphertext, plaintext.data);
	gcm_aes256_digest(&context, GCM_TAG_LEN, ret_tag);
	wipe(&context, sizeof(context));
}

bool open_sealed(const uint8_t key[static CONTENT_KEY_LEN], const struct sealed *sealed,
		 uint8_t *ret_plaintext)
{
	struct gcm_aes256_ctx context;
	uint8_t tag[GCM_TAG_LEN];
	bool good;

	start(&context, key, sealed->iv, sealed->associated);
	gcm_aes256_decrypt(&context, sealed->ciphertext.len, ret_plaintext,
			   sealed->ciphertext.data);
	gcm_aes256_digest(&context, GCM_TAG_LEN, tag);
	wipe(&context, sizeof(context));
	good = equal_secrets((struct bytes){tag, GCM_TAG_LEN},
			     (struct bytes){sealed->tag, GCM_TAG_LEN});
	if (!good)
		wipe(ret_plaintext, sealed->ciphertext.len);
	return good;
}
