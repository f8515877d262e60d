#include "common/crypto/key.h"

#include "common/crypto/gnutls_object.h"
#include "common/crypto/key_check.h"
#include "common/crypto/key_internal.h"
#include "common/crypto/pbes2.h"

#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

enum { SPKI_MAX = 2048 };

/* NULL with a fault without memory. */
static struct private_key *new_private_key(struct fault *fault)
{
	struct private_key *key = calloc(1, sizeof(*key));

	if (key == NULL)
		(void)set_memory_fault(fault);
	return key;
}

/* The same with a GnuTLS handle to read a key into. */
static struct private_key *new_handled_key(struct fault *fault)
{
	CLEANUP(free_private_key) struct private_key *key = new_private_key(fault);

	if (key == NULL)
		return NULL;
	if (gnutls_privkey_init(&key->handle) < 0) {
		(void)set_memory_fault(fault);
		return NULL;
	}
	return TAKE(key);
}

void free_private_key(struct private_key **key_pointer)
{
	struct private_key *key = TAKE(*key_pointer);

	if (key == NULL)
		return;
	free_ec_key(&key->ec);
	if (key->handle != NULL)
		gnutls_privkey_deinit(key->handle);
	free_token_pin(&key->pin);
	free(key);
}

static int generate_with_gnutls(struct private_key *key, struct fault *fault)
{
	static const struct {
		gnutls_pk_algorithm_t algorithm;
		unsigned int bits;
	} rows[KEY_TYPE_COUNT] = {
		[KEY_ED25519] = {GNUTLS_PK_EDDSA_ED25519, 256},
		[KEY_RSA_2048] = {GNUTLS_PK_RSA, 2048},
		[KEY_RSA_3072] = {GNUTLS_PK_RSA, 3072},
		[KEY_RSA_4096] = {GNUTLS_PK_RSA, 4096},
	};
	int code = gnutls_privkey_init(&key->handle);

	if (code >= 0)
		code = gnutls_privkey_generate(key->handle, rows[key->type].algorithm,
					       rows[key->type].bits, 0);
	return code < 0 ? set_gnutls_fault(fault, "key generation", code) : 0;
}

int generate_private_key(enum key_type type, struct private_key **ret_key, struct fault *fault)
{
	CLEANUP(free_private_key) struct private_key *key = new_private_key(fault);

	if (key == NULL)
		return -1;
	key->type = type;
	if ((is_ec_key_type(type) ? generate_ec_key(type, &key->ec, fault)
				  : generate_with_gnutls(key, fault)) < 0)
		return -1;
	*ret_key = TAKE(key);
	return 0;
}

static void free_x509_privkey(gnutls_x509_privkey_t *key)
{
	if (*key != NULL)
		gnutls_x509_privkey_deinit(*key);
}

/* PKCS#8 DER. */
static int format_der(const struct private_key *key, struct secret *ret_der, struct fault *fault)
{
	CLEANUP(free_x509_privkey) gnutls_x509_privkey_t x509 = NULL;
	CLEANUP(free_datum) gnutls_datum_t der = {0};
	int code;

	if (key->pin != NULL)
		return set_fault(fault, FAULT_REFUSED,
				 "the private key is in a token, and does not leave it");
	if (key->ec != NULL)
		return format_ec_key(key->ec, ret_der, fault);
	code = gnutls_privkey_export_x509(key->handle, &x509);
	if (code == 0)
		code = gnutls_x509_privkey_export2_pkcs8(x509, GNUTLS_X509_FMT_DER, NULL,
							 GNUTLS_PKCS_PLAIN, &der);
	if (code < 0)
		return set_gnutls_fault(fault, "private key", code);
	return copy_datum(&der, ret_der, fault);
}

int format_private_key(const struct private_key *key, struct secret *ret_pem, struct fault *fault)
{
	CLEANUP(clear_secret) struct secret der = {0};

	if (format_der(key, &der, fault) < 0)
		return -1;
	return format_pem_secret("PRIVATE KEY", bytes_of_secret(&der), ret_pem, fault);
}

int format_encrypted_private_key(const struct private_key *key, struct bytes passphrase,
				 struct secret *ret_pem, struct fault *fault)
{
	CLEANUP(clear_secret) struct secret normal = {0};
	CLEANUP(clear_secret) struct secret der = {0};

	if (normalize_passphrase(passphrase, &normal, fault) < 0 ||
	    format_der(key, &der, fault) < 0)
		return -1;
	return encrypt_pkcs8(bytes_of_secret(&der), bytes_of_secret(&normal), ret_pem, fault);
}

static int check_pem_size(struct bytes pem, struct fault *fault)
{
	if (pem.len > UINT16_MAX)
		return set_fault(fault, FAULT_TOO_LARGE, "private key: expected less than 64 KiB");
	return 0;
}

/* Whether the number, big-endian, is odd and above 1. */
static bool is_odd_factor(const gnutls_datum_t *number)
{
	unsigned int high = 0;

	for (unsigned int i = 0; i + 1 < number->size; i++)
		high |= number->data[i];
	return number->size > 0 && (number->data[number->size - 1] & 1) != 0 &&
	       (high != 0 || number->data[number->size - 1] > 1);
}

/* GnuTLS (3.7.9) divides by the modulus and by the primes less one when it verifies an RSA key, and
   GMP ends the process when that is a division by zero. */
static int check_rsa_numbers(gnutls_x509_privkey_t x509)
{
	CLEANUP(free_datum) gnutls_datum_t modulus = {0};
	CLEANUP(free_datum) gnutls_datum_t exponent = {0};
	CLEANUP(free_datum) gnutls_datum_t secret = {0};
	CLEANUP(free_datum) gnutls_datum_t first = {0};
	CLEANUP(free_datum) gnutls_datum_t second = {0};
	CLEANUP(free_datum) gnutls_datum_t coefficient = {0};
	int code;

	if (gnutls_x509_privkey_get_pk_algorithm(x509) != GNUTLS_PK_RSA)
		return 0;
	code = gnutls_x509_privkey_export_rsa_raw(x509, &modulus, &exponent, &secret, &first,
						  &second, &coefficient);
	if (code == 0 &&
	    (!is_odd_factor(&modulus) || !is_odd_factor(&first) || !is_odd_factor(&second)))
		code = GNUTLS_E_ILLEGAL_PARAMETER;
	return code;
}

/* Reads the PEM into key->handle; returns GnuTLS's code. passphrase is NULL for an unencrypted key.
 */
static int import_pem(struct private_key *key, struct bytes pem, const char *passphrase)
{
	CLEANUP(free_x509_privkey) gnutls_x509_privkey_t x509 = NULL;
	gnutls_datum_t text = borrow_datum(pem);
	unsigned int flags = passphrase == NULL ? GNUTLS_PKCS_PLAIN : 0;
	int code = gnutls_x509_privkey_init(&x509);

	if (code == 0)
		code = gnutls_x509_privkey_import2(x509, &text, GNUTLS_X509_FMT_PEM, passphrase,
						   flags);
	if (code == 0)
		code = check_rsa_numbers(x509);
	if (code == 0)
		code = gnutls_x509_privkey_verify_params(x509);
	if (code == 0)
		code = gnutls_privkey_import_x509(key->handle, x509, GNUTLS_PRIVKEY_IMPORT_COPY);
	return code;
}

/* Fills in the other members from the handle. An ECDSA key in memory moves to Nettle. */
static int complete_private_key(struct private_key *key, struct fault *fault)
{
	CLEANUP(free_public_key) struct public_key *public = NULL;

	if (get_public_key(key, &public, fault) < 0)
		return -1;
	key->type = public_key_type(public);
	if (!is_ec_key_type(key->type) || key->pin != NULL)
		return 0;
	if (import_ec_key(key->type, key->handle, &key->ec, fault) < 0)
		return -1;
	gnutls_privkey_deinit(TAKE(key->handle));
	return 0;
}

int parse_private_key(struct bytes pem, struct private_key **ret_key, struct fault *fault)
{
	CLEANUP(free_private_key) struct private_key *key = new_handled_key(fault);
	int code;

	if (key == NULL || check_pem_size(pem, fault) < 0)
		return -1;
	code = import_pem(key, pem, NULL);
	if (code == GNUTLS_E_MEMORY_ERROR)
		return set_memory_fault(fault);
	if (code < 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "expected an unencrypted private key in PEM (PKCS#8): %s",
				 gnutls_strerror(code));
	if (complete_private_key(key, fault) < 0)
		return -1;
	*ret_key = TAKE(key);
	return 0;
}

bool is_encrypted_private_key(struct bytes pem)
{
	static const char begin[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----";

	return pem.len > 0 && memmem(pem.data, pem.len, begin, sizeof(begin) - 1) != NULL;
}

/* Checks the encryption scheme of the PEM: only PBES2 with AES is accepted. */
static int check_encryption(struct bytes pem, struct fault *fault)
{
	const gnutls_datum_t text = borrow_datum(pem);
	unsigned char salt[256];
	unsigned int salt_len = sizeof(salt);
	unsigned int schema = 0;
	int code = gnutls_pkcs8_info(&text, GNUTLS_X509_FMT_PEM, &schema, NULL, salt, &salt_len,
				     NULL, NULL);

	if (code == GNUTLS_E_MEMORY_ERROR)
		return set_memory_fault(fault);
	if (code < 0 || !is_encrypted_private_key(pem) ||
	    (schema != GNUTLS_PKCS_PBES2_AES_128 && schema != GNUTLS_PKCS_PBES2_AES_192 &&
	     schema != GNUTLS_PKCS_PBES2_AES_256))
		return set_fault(fault, FAULT_MALFORMED,
				 "expected an encrypted private key in PEM (PKCS#8, PBES2 with "
				 "AES), found another encryption or none");
	return 0;
}

int parse_encrypted_private_key(struct bytes pem, struct bytes passphrase,
				struct private_key **ret_key, struct fault *fault)
{
	CLEANUP(free_private_key) struct private_key *key = new_handled_key(fault);
	CLEANUP(clear_secret) struct secret normal = {0};
	int code;

	if (key == NULL || check_pem_size(pem, fault) < 0 || check_encryption(pem, fault) < 0 ||
	    normalize_passphrase(passphrase, &normal, fault) < 0)
		return -1;
	code = import_pem(key, pem, (const char *)normal.data);
	if (code == GNUTLS_E_MEMORY_ERROR)
		return set_memory_fault(fault);
	if (code < 0)
		return set_fault(fault, FAULT_REFUSED,
				 "the passphrase does not open the private key: it is another "
				 "key's, or the key is damaged");
	if (complete_private_key(key, fault) < 0)
		return -1;
	*ret_key = TAKE(key);
	return 0;
}

int open_token_key(const char *url, struct bytes pin, struct private_key **ret_key,
		   struct fault *fault)
{
	CLEANUP(free_private_key) struct private_key *key = new_handled_key(fault);

	if (key == NULL || import_token_key(url, pin, key->handle, &key->pin, fault) < 0)
		return -1;
	if (complete_private_key(key, fault) < 0)
		return prefix_fault(fault, "%s: the key or its public half", url);
	*ret_key = TAKE(key);
	return 0;
}

enum key_type private_key_type(const struct private_key *key)
{
	return key->type;
}

void free_public_key(struct public_key **key_pointer)
{
	struct public_key *key = TAKE(*key_pointer);

	if (key == NULL)
		return;
	free_ec_point(&key->ec);
	if (key->handle != NULL)
		gnutls_pubkey_deinit(key->handle);
	clear_buffer(&key->spki);
	free(key);
}

static void free_pubkey(gnutls_pubkey_t *pubkey)
{
	if (*pubkey != NULL)
		gnutls_pubkey_deinit(*pubkey);
}

static int append_pubkey(gnutls_pubkey_t handle, struct buffer *spki, struct fault *fault)
{
	CLEANUP(free_datum) gnutls_datum_t der = {0};
	int code = gnutls_pubkey_export2(handle, GNUTLS_X509_FMT_DER, &der);

	if (code < 0)
		return set_gnutls_fault(fault, "public key", code);
	append_bytes(spki, (struct bytes){der.data, der.size});
	return check_buffer(spki, fault);
}

int append_spki(const struct private_key *key, struct buffer *buffer, struct fault *fault)
{
	CLEANUP(free_pubkey) gnutls_pubkey_t pubkey = NULL;
	int code;

	if (key->ec != NULL) {
		append_ec_spki(key->ec, buffer);
		return check_buffer(buffer, fault);
	}
	/* Keys that GnuTLS has just read are in a handle, EC keys too. */
	code = gnutls_pubkey_init(&pubkey);
	if (code >= 0)
		code = gnutls_pubkey_import_privkey(pubkey, key->handle, 0, 0);
	if (code < 0)
		return set_gnutls_fault(fault, "public key", code);
	return append_pubkey(pubkey, buffer, fault);
}

int get_public_key(const struct private_key *key, struct public_key **ret_key, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer spki = {0};

	if (append_spki(key, &spki, fault) < 0)
		return -1;
	return parse_public_key(bytes_of_buffer(&spki), ret_key, fault);
}

/* Reads every key but those that parse_ec_spki accepts. */
static int read_with_gnutls(struct public_key *key, struct bytes spki, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer again = {0};
	gnutls_datum_t der = borrow_datum(spki);
	int code = gnutls_pubkey_init(&key->handle);

	if (code >= 0)
		code = gnutls_pubkey_import(key->handle, &der, GNUTLS_X509_FMT_DER);
	if (code == GNUTLS_E_MEMORY_ERROR)
		return set_memory_fault(fault);
	if (code == GNUTLS_E_ECC_UNSUPPORTED_CURVE || code == GNUTLS_E_UNKNOWN_PK_ALGORITHM ||
	    code == GNUTLS_E_UNIMPLEMENTED_FEATURE)
		return set_fault(fault, FAULT_REFUSED,
				 "public key: expected ECDSA on P-256 or P-384, Ed25519 or RSA: %s",
				 gnutls_strerror(code));
	if (code < 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "expected a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7): %s",
				 gnutls_strerror(code));
	if (check_public_key(key->handle, &key->type, fault) < 0 ||
	    append_pubkey(key->handle, &again, fault) < 0)
		return -1;
	if (!equal_bytes(bytes_of_buffer(&again), spki))
		return set_fault(fault, FAULT_MALFORMED,
				 "expected a SubjectPublicKeyInfo in DER: this is another encoding "
				 "of one, or something follows it");
	return 0;
}

int parse_public_key(struct bytes spki, struct public_key **ret_key, struct fault *fault)
{
	CLEANUP(free_public_key) struct public_key *key = NULL;

	if (spki.len > SPKI_MAX)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "public key: expected at most %d octets, found %zu", SPKI_MAX,
				 spki.len);
	key = calloc(1, sizeof(*key));
	if (key == NULL)
		return set_memory_fault(fault);
	append_bytes(&key->spki, spki);
	if (check_buffer(&key->spki, fault) < 0 ||
	    parse_ec_spki(spki, &key->type, &key->ec, fault) < 0)
		return -1;
	if (key->ec == NULL && read_with_gnutls(key, spki, fault) < 0)
		return -1;
	*ret_key = TAKE(key);
	return 0;
}

enum key_type public_key_type(const struct public_key *key)
{
	return key->type;
}

struct bytes public_key_spki(const struct public_key *key)
{
	return bytes_of_buffer(&key->spki);
}

void public_key_sha256(const struct public_key *key, uint8_t ret_digest[static SHA256_LEN])
{
	digest_sha256(public_key_spki(key), ret_digest);
}
