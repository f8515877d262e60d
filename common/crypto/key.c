#include "common/crypto/key.h"

#include "common/crypto/ec_key.h"
#include "common/crypto/gnutls_object.h"
#include "common/crypto/key_check.h"

#include <gnutls/x509.h>
#include <stdlib.h>

enum { SPKI_MAX = 2048 };

struct private_key {
	gnutls_privkey_t handle;
	enum key_type type;
};

struct public_key {
	gnutls_pubkey_t handle;
	enum key_type type;
	gnutls_datum_t spki;
};

/* NULL with a fault when there is no memory. */
static struct private_key *new_private_key(struct fault *fault)
{
	struct private_key *key = calloc(1, sizeof(*key));

	if (key == NULL || gnutls_privkey_init(&key->handle) < 0) {
		free(key);
		(void)set_memory_fault(fault);
		return NULL;
	}
	return key;
}

void free_private_key(struct private_key **key_pointer)
{
	struct private_key *key = TAKE(*key_pointer);

	if (key == NULL)
		return;
	gnutls_privkey_deinit(key->handle);
	free(key);
}

static int generate_with_gnutls(enum key_type type, gnutls_privkey_t handle, struct fault *fault)
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
	int code = gnutls_privkey_generate(handle, rows[type].algorithm, rows[type].bits, 0);

	return code < 0 ? set_gnutls_fault(fault, "key generation", code) : 0;
}

int generate_private_key(enum key_type type, struct private_key **ret_key, struct fault *fault)
{
	CLEANUP(free_private_key) struct private_key *key = new_private_key(fault);

	if (key == NULL)
		return -1;
	key->type = type;
	if ((is_ec_key_type(type) ? generate_ec_key(type, key->handle, fault)
				  : generate_with_gnutls(type, key->handle, fault)) < 0)
		return -1;
	*ret_key = TAKE(key);
	return 0;
}

static void free_x509_privkey(gnutls_x509_privkey_t *key)
{
	if (*key != NULL)
		gnutls_x509_privkey_deinit(*key);
}

int format_private_key(const struct private_key *key, struct secret *ret_pem, struct fault *fault)
{
	CLEANUP(free_x509_privkey) gnutls_x509_privkey_t x509 = NULL;
	CLEANUP(free_datum) gnutls_datum_t pem = {0};
	int code;

	if (is_ec_key_type(key->type))
		return format_ec_key(key->type, key->handle, ret_pem, fault);
	code = gnutls_privkey_export_x509(key->handle, &x509);
	if (code == 0)
		code = gnutls_x509_privkey_export2_pkcs8(x509, GNUTLS_X509_FMT_PEM, NULL,
							 GNUTLS_PKCS_PLAIN, &pem);
	if (code < 0)
		return set_gnutls_fault(fault, "private key", code);
	return copy_datum(&pem, ret_pem, fault);
}

/* Reads the PEM into key->handle. */
static int import_pem(struct private_key *key, struct bytes pem, struct fault *fault)
{
	CLEANUP(free_x509_privkey) gnutls_x509_privkey_t x509 = NULL;
	gnutls_datum_t text = {(unsigned char *)(uintptr_t)pem.data, (unsigned int)pem.len};
	int code;

	if (pem.len > UINT16_MAX)
		return set_fault(fault, FAULT_TOO_LARGE, "private key: expected less than 64 KiB");
	if (gnutls_x509_privkey_init(&x509) < 0)
		return set_memory_fault(fault);
	code = gnutls_x509_privkey_import2(x509, &text, GNUTLS_X509_FMT_PEM, NULL,
					   GNUTLS_PKCS_PLAIN);
	if (code == 0)
		code = gnutls_x509_privkey_verify_params(x509);
	if (code == 0)
		code = gnutls_privkey_import_x509(key->handle, x509, GNUTLS_PRIVKEY_IMPORT_COPY);
	if (code < 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "expected an unencrypted private key in PEM (PKCS#8): %s",
				 gnutls_strerror(code));
	return 0;
}

int parse_private_key(struct bytes pem, struct private_key **ret_key, struct fault *fault)
{
	CLEANUP(free_private_key) struct private_key *key = new_private_key(fault);
	CLEANUP(free_public_key) struct public_key *public = NULL;

	if (key == NULL || import_pem(key, pem, fault) < 0 ||
	    get_public_key(key, &public, fault) < 0)
		return -1;
	key->type = public_key_type(public);
	*ret_key = TAKE(key);
	return 0;
}

enum key_type private_key_type(const struct private_key *key)
{
	return key->type;
}

gnutls_privkey_t private_key_handle(const struct private_key *key)
{
	return key->handle;
}

static struct public_key *new_public_key(struct fault *fault)
{
	struct public_key *key = calloc(1, sizeof(*key));

	if (key == NULL || gnutls_pubkey_init(&key->handle) < 0) {
		free(key);
		(void)set_memory_fault(fault);
		return NULL;
	}
	return key;
}

void free_public_key(struct public_key **key_pointer)
{
	struct public_key *key = TAKE(*key_pointer);

	if (key == NULL)
		return;
	gnutls_pubkey_deinit(key->handle);
	gnutls_free(key->spki.data);
	free(key);
}

/* Fills in what follows from the handle. */
static int complete_public_key(struct public_key *key, struct fault *fault)
{
	int code;

	if (check_public_key(key->handle, &key->type, fault) < 0)
		return -1;
	code = gnutls_pubkey_export2(key->handle, GNUTLS_X509_FMT_DER, &key->spki);
	return code < 0 ? set_gnutls_fault(fault, "public key", code) : 0;
}

int get_public_key(const struct private_key *key, struct public_key **ret_key, struct fault *fault)
{
	CLEANUP(free_public_key) struct public_key *public = new_public_key(fault);
	int code;

	if (public == NULL)
		return -1;
	code = gnutls_pubkey_import_privkey(public->handle, key->handle, 0, 0);
	if (code < 0)
		return set_gnutls_fault(fault, "public key", code);
	if (complete_public_key(public, fault) < 0)
		return -1;
	*ret_key = TAKE(public);
	return 0;
}

int parse_public_key(struct bytes spki, struct public_key **ret_key, struct fault *fault)
{
	CLEANUP(free_public_key) struct public_key *key = new_public_key(fault);
	gnutls_datum_t der = {(unsigned char *)(uintptr_t)spki.data, (unsigned int)spki.len};
	int code;

	if (key == NULL)
		return -1;
	if (spki.len > SPKI_MAX)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "public key: expected at most %d octets, found %zu", SPKI_MAX,
				 spki.len);
	code = gnutls_pubkey_import(key->handle, &der, GNUTLS_X509_FMT_DER);
	if (code == GNUTLS_E_ECC_UNSUPPORTED_CURVE || code == GNUTLS_E_UNKNOWN_PK_ALGORITHM ||
	    code == GNUTLS_E_UNIMPLEMENTED_FEATURE)
		return set_fault(fault, FAULT_REFUSED,
				 "public key: expected ECDSA on P-256 or P-384, Ed25519 or RSA: %s",
				 gnutls_strerror(code));
	if (code < 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "expected a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7): %s",
				 gnutls_strerror(code));
	if (complete_public_key(key, fault) < 0)
		return -1;
	if (!equal_bytes(public_key_spki(key), spki))
		return set_fault(fault, FAULT_MALFORMED,
				 "expected a SubjectPublicKeyInfo in DER: this is another encoding "
				 "of one, or something follows it");
	*ret_key = TAKE(key);
	return 0;
}

enum key_type public_key_type(const struct public_key *key)
{
	return key->type;
}

struct bytes public_key_spki(const struct public_key *key)
{
	return (struct bytes){key->spki.data, key->spki.size};
}

void public_key_sha256(const struct public_key *key, uint8_t ret_digest[static SHA256_LEN])
{
	digest_sha256(public_key_spki(key), ret_digest);
}

gnutls_pubkey_t public_key_handle(const struct public_key *key)
{
	return key->handle;
}
