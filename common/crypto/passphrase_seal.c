#include "common/crypto/passphrase_seal.h"

#include "common/base/random.h"

#include <nettle/aes.h>
#include <nettle/cbc.h>
#include <nettle/pbkdf2.h>
#include <string.h>

enum { ROUNDS = 600000, DERIVED_LEN = 96, MAC_KEY_OFFSET = 64 };

static const char magic[] = "Salted__";

enum { MAGIC_LEN = sizeof(magic) - 1, HEAD_LEN = MAGIC_LEN + SEAL_SALT_LEN };

void clear_seal_keys(struct seal_keys *keys)
{
	wipe(keys, sizeof(*keys));
}

void derive_seal_keys(struct bytes passphrase, const uint8_t salt[static SEAL_SALT_LEN],
		      struct seal_keys *ret_keys)
{
	uint8_t derived[DERIVED_LEN];

	pbkdf2_hmac_sha256(passphrase.len, passphrase.data, ROUNDS, SEAL_SALT_LEN, salt,
			   sizeof(derived), derived);
	memcpy(ret_keys->key, derived, SEAL_KEY_LEN);
	memcpy(ret_keys->iv, derived + SEAL_KEY_LEN, SEAL_IV_LEN);
	memcpy(ret_keys->mac_key, derived + MAC_KEY_OFFSET, SHA256_LEN);
	wipe(derived, sizeof(derived));
}

int seal_octets(struct bytes plaintext, struct bytes passphrase, struct buffer *ret_sealed,
		struct seal_keys *ret_keys, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer sealed = {0};
	struct CBC_CTX(struct aes256_ctx, AES_BLOCK_SIZE) cipher;
	size_t padding = AES_BLOCK_SIZE - plaintext.len % AES_BLOCK_SIZE;
	size_t whole = plaintext.len - plaintext.len % AES_BLOCK_SIZE;
	uint8_t last[AES_BLOCK_SIZE];
	uint8_t *head = extend_buffer(&sealed, HEAD_LEN + plaintext.len + padding);

	if (head == NULL)
		return set_memory_fault(fault);
	memcpy(head, magic, MAGIC_LEN);
	if (fill_random(head + MAGIC_LEN, SEAL_SALT_LEN, fault) < 0)
		return -1;
	derive_seal_keys(passphrase, head + MAGIC_LEN, ret_keys);
	memset(last, (int)padding, sizeof(last));
	if (plaintext.len > whole)
		memcpy(last, plaintext.data + whole, plaintext.len - whole);
	aes256_set_encrypt_key(&cipher.ctx, ret_keys->key);
	CBC_SET_IV(&cipher, ret_keys->iv);
	CBC_ENCRYPT(&cipher, aes256_encrypt, whole, head + HEAD_LEN, plaintext.data);
	CBC_ENCRYPT(&cipher, aes256_encrypt, sizeof(last), head + HEAD_LEN + whole, last);
	wipe(&cipher, sizeof(cipher));
	wipe(last, sizeof(last));
	*ret_sealed = take_buffer(&sealed);
	return 0;
}

int find_seal_salt(struct bytes sealed, uint8_t ret_salt[static SEAL_SALT_LEN], struct fault *fault)
{
	if (sealed.len < HEAD_LEN + AES_BLOCK_SIZE ||
	    (sealed.len - HEAD_LEN) % AES_BLOCK_SIZE != 0 ||
	    memcmp(sealed.data, magic, MAGIC_LEN) != 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "expected \"%s\", a salt of %d octets and whole blocks of AES, "
				 "found something else",
				 magic, SEAL_SALT_LEN);
	memcpy(ret_salt, sealed.data + MAGIC_LEN, SEAL_SALT_LEN);
	return 0;
}

/* The length of the padding; 0 if it is not valid. */
static size_t measure_padding(struct bytes text)
{
	size_t padding = text.data[text.len - 1];

	if (padding < 1 || padding > AES_BLOCK_SIZE)
		return 0;
	for (size_t i = text.len - padding; i < text.len; i++)
		if (text.data[i] != padding)
			return 0;
	return padding;
}

int open_seal(struct bytes sealed, const struct seal_keys *keys, struct secret *ret_plaintext,
	      struct fault *fault)
{
	CLEANUP(clear_secret) struct secret text = {0};
	CLEANUP(clear_secret) struct secret plaintext = {0};
	struct CBC_CTX(struct aes256_ctx, AES_BLOCK_SIZE) cipher;
	size_t padding;

	if (allocate_secret(sealed.len - HEAD_LEN, &text, fault) < 0)
		return -1;
	aes256_set_decrypt_key(&cipher.ctx, keys->key);
	CBC_SET_IV(&cipher, keys->iv);
	CBC_DECRYPT(&cipher, aes256_decrypt, text.len, text.data, sealed.data + HEAD_LEN);
	wipe(&cipher, sizeof(cipher));
	padding = measure_padding(bytes_of_secret(&text));
	if (padding == 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "expected padding at the end of the plaintext, found none");
	if (allocate_secret(text.len - padding, &plaintext, fault) < 0)
		return -1;
	memcpy(plaintext.data, text.data, plaintext.len);
	*ret_plaintext = take_secret(&plaintext);
	return 0;
}
