#include "common/crypto/pbes2.h"

#include "common/base/random.h"
#include "common/crypto/gnutls_object.h"

#include <nettle/aes.h>
#include <nettle/cbc.h>
#include <nettle/pbkdf2.h>
#include <string.h>

enum { SALT_LEN = 16, ROUNDS = 600000, PLAIN_MAX = 8192 };

/*
 * AlgorithmIdentifier {PBES2, {{PBKDF2, {salt, 600000, {hmacWithSHA256, NULL}}}, {aes256-CBC,
 * iv}}}: the octets before the salt, and those between salt and initialisation vector.
 */
static const uint8_t head[] = {
	0x30, 0x60, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d,     0x01,
	0x05, 0x0d, 0x30, 0x53, 0x30, 0x32, 0x06, 0x09, 0x2a, 0x86,     0x48,
	0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c, 0x30, 0x25, 0x04, SALT_LEN,
};
static const uint8_t middle[] = {
	0x02,          0x03,           ROUNDS >> 16, (ROUNDS >> 8) & 0xff,
	ROUNDS & 0xff, 0x30,           0x0c,         0x06,
	0x08,          0x2a,           0x86,         0x48,
	0x86,          0xf7,           0x0d,         0x02,
	0x09,          0x05,           0x00,         0x30,
	0x1d,          0x06,           0x09,         0x60,
	0x86,          0x48,           0x01,         0x65,
	0x03,          0x04,           0x01,         0x2a,
	0x04,          AES_BLOCK_SIZE,
};

int normalize_passphrase(struct bytes passphrase, struct secret *ret_passphrase,
			 struct fault *fault)
{
	CLEANUP(free_datum) gnutls_datum_t normal = {0};
	int code;

	if (passphrase.len < 1 || passphrase.len > PASSPHRASE_MAX ||
	    memchr(passphrase.data, 0, passphrase.len) != NULL)
		return set_fault(fault, FAULT_USAGE,
				 "expected a passphrase of 1 to %d octets without NUL, found %zu",
				 PASSPHRASE_MAX, passphrase.len);
	code = gnutls_utf8_password_normalize(passphrase.data, (unsigned int)passphrase.len,
					      &normal, 0);
	if (code == GNUTLS_E_MEMORY_ERROR)
		return set_memory_fault(fault);
	if (code < 0)
		return set_fault(fault, FAULT_USAGE,
				 "expected a passphrase in UTF-8 without control characters");
	return copy_datum(&normal, ret_passphrase, fault);
}

/* Appends a tag and a length of one to three octets in DER. */
static void append_header(struct buffer *der, uint8_t tag, size_t len)
{
	const uint8_t octets[] = {tag, 0x82, (uint8_t)(len >> 8), (uint8_t)len};
	const uint8_t medium[] = {tag, 0x81, (uint8_t)len};

	if (len > 0xff)
		append_bytes(der, (struct bytes){octets, sizeof(octets)});
	else if (len > 0x7f)
		append_bytes(der, (struct bytes){medium, sizeof(medium)});
	else
		append_bytes(der, (struct bytes){(const uint8_t[]){tag, (uint8_t)len}, 2});
}

/* Encrypts the padded text in place (RFC 8018 section 6.2.2). */
static void encrypt_padded(struct bytes passphrase, const uint8_t salt[static SALT_LEN],
			   const uint8_t iv[static AES_BLOCK_SIZE], struct secret *text)
{
	uint8_t key[AES256_KEY_SIZE];
	struct CBC_CTX(struct aes256_ctx, AES_BLOCK_SIZE) cipher;

	pbkdf2_hmac_sha256(passphrase.len, passphrase.data, ROUNDS, SALT_LEN, salt, sizeof(key),
			   key);
	aes256_set_encrypt_key(&cipher.ctx, key);
	CBC_SET_IV(&cipher, iv);
	CBC_ENCRYPT(&cipher, aes256_encrypt, text->len, text->data, text->data);
	wipe(key, sizeof(key));
	wipe(&cipher, sizeof(cipher));
}

/* Copies the DER, with the padding of RFC 1423. */
static int pad_key(struct bytes der, struct secret *ret_text, struct fault *fault)
{
	size_t padding = AES_BLOCK_SIZE - der.len % AES_BLOCK_SIZE;

	if (allocate_secret(der.len + padding, ret_text, fault) < 0)
		return -1;
	memcpy(ret_text->data, der.data, der.len);
	memset(ret_text->data + der.len, (int)padding, padding);
	return 0;
}

int encrypt_pkcs8(struct bytes der, struct bytes passphrase, struct secret *ret_pem,
		  struct fault *fault)
{
	CLEANUP(clear_secret) struct secret text = {0};
	CLEANUP(clear_buffer) struct buffer body = {0};
	CLEANUP(clear_buffer) struct buffer whole = {0};
	uint8_t salt[SALT_LEN];
	uint8_t iv[AES_BLOCK_SIZE];

	if (der.len > PLAIN_MAX)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "private key: expected at most %d octets, found %zu", PLAIN_MAX,
				 der.len);
	if (fill_random(salt, sizeof(salt), fault) < 0 || fill_random(iv, sizeof(iv), fault) < 0 ||
	    pad_key(der, &text, fault) < 0)
		return -1;
	encrypt_padded(passphrase, salt, iv, &text);
	append_bytes(&body, (struct bytes){head, sizeof(head)});
	append_bytes(&body, (struct bytes){salt, sizeof(salt)});
	append_bytes(&body, (struct bytes){middle, sizeof(middle)});
	append_bytes(&body, (struct bytes){iv, sizeof(iv)});
	append_header(&body, 0x04, text.len);
	append_bytes(&body, bytes_of_secret(&text));
	append_header(&whole, 0x30, body.len);
	append_bytes(&whole, bytes_of_buffer(&body));
	if (check_buffer(&body, fault) < 0 || check_buffer(&whole, fault) < 0)
		return -1;
	return format_pem_secret("ENCRYPTED PRIVATE KEY", bytes_of_buffer(&whole), ret_pem, fault);
}
