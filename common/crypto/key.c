#include "common/crypto/key.h"

#include "common/base/random.h"
#include "common/crypto/key_check.h"

#include <gmp.h>
#include <gnutls/x509.h>
#include <nettle/ecc-curve.h>
#include <nettle/ecc.h>
#include <stdlib.h>
#include <string.h>

enum { COORDINATE_MAX = 48, SPKI_MAX = 2048 };

struct private_key {
	gnutls_privkey_t handle;
	enum key_type type;
};

struct public_key {
	gnutls_pubkey_t handle;
	enum key_type type;
	gnutls_datum_t spki;
};

static int set_gnutls_fault(struct fault *fault, const char *what, int code)
{
	return code == GNUTLS_E_MEMORY_ERROR
		       ? set_memory_fault(fault)
		       : set_fault(fault, FAULT_FAILED, "%s: %s", what, gnutls_strerror(code));
}

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

/* An elliptic curve as Nettle and GnuTLS know it. */
struct curve {
	const struct ecc_curve *nettle;
	gnutls_ecc_curve_t gnutls;
	size_t len; /* octets of a coordinate and of a scalar */
};

static struct curve find_curve(enum key_type type)
{
	if (type == KEY_ECDSA_P256)
		return (struct curve){nettle_get_secp_256r1(), GNUTLS_ECC_CURVE_SECP256R1, 32};
	return (struct curve){nettle_get_secp_384r1(), GNUTLS_ECC_CURVE_SECP384R1, 48};
}

/* A uniform scalar from 1 to the group's order - 1: draws until one is in range. */
static int draw_scalar(const struct curve *curve, struct ecc_scalar *scalar, struct secret *octets,
		       struct fault *fault)
{
	mpz_t number;
	int in_range = 0;

	mpz_init2(number, COORDINATE_MAX * 8);
	while (in_range == 0 && fill_random(octets->data, curve->len, fault) == 0) {
		mpz_import(number, curve->len, 1, 1, 1, 0, octets->data);
		in_range = ecc_scalar_set(scalar, number);
	}
	mpz_set_ui(number, 0);
	mpz_clear(number);
	return in_range == 0 ? -1 : 0;
}

/* Big-endian, with leading zeros. */
static void export_coordinate(const mpz_t number, uint8_t *ret_octets, size_t len)
{
	size_t used = (mpz_sizeinbase(number, 2) + 7) / 8;

	memset(ret_octets, 0, len);
	mpz_export(ret_octets + (len - used), NULL, 1, 1, 1, 0, number);
}

static void multiply_base(const struct curve *curve, const struct ecc_scalar *scalar,
			  uint8_t ret_x[static COORDINATE_MAX],
			  uint8_t ret_y[static COORDINATE_MAX])
{
	struct ecc_point point;
	mpz_t x;
	mpz_t y;

	mpz_inits(x, y, NULL);
	ecc_point_init(&point, curve->nettle);
	ecc_point_mul_g(&point, scalar);
	ecc_point_get(&point, x, y);
	export_coordinate(x, ret_x, curve->len);
	export_coordinate(y, ret_y, curve->len);
	ecc_point_clear(&point);
	mpz_clears(x, y, NULL);
}

/* gnutls_privkey_generate multiplies twice; this does once, in half the time. */
static int generate_ec_key(struct private_key *key, struct fault *fault)
{
	const struct curve curve = find_curve(key->type);
	CLEANUP(clear_secret) struct secret k = {0};
	uint8_t x[COORDINATE_MAX];
	uint8_t y[COORDINATE_MAX];
	struct ecc_scalar scalar;
	int code;

	if (allocate_secret(curve.len, &k, fault) < 0)
		return -1;
	ecc_scalar_init(&scalar, curve.nettle);
	code = draw_scalar(&curve, &scalar, &k, fault);
	if (code == 0)
		multiply_base(&curve, &scalar, x, y);
	ecc_scalar_clear(&scalar);
	if (code < 0)
		return -1;
	code = gnutls_privkey_import_ecc_raw(key->handle, curve.gnutls,
					     &(gnutls_datum_t){x, (unsigned int)curve.len},
					     &(gnutls_datum_t){y, (unsigned int)curve.len},
					     &(gnutls_datum_t){k.data, (unsigned int)k.len});
	return code < 0 ? set_gnutls_fault(fault, "EC key", code) : 0;
}

int generate_private_key(enum key_type type, struct private_key **ret_key, struct fault *fault)
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
	CLEANUP(free_private_key) struct private_key *key = new_private_key(fault);
	int code;

	if (key == NULL)
		return -1;
	key->type = type;
	if (type == KEY_ECDSA_P256 || type == KEY_ECDSA_P384) {
		if (generate_ec_key(key, fault) < 0)
			return -1;
	} else {
		code = gnutls_privkey_generate(key->handle, rows[type].algorithm, rows[type].bits,
					       0);
		if (code < 0)
			return set_gnutls_fault(fault, "key generation", code);
	}
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
	CLEANUP(free_datum) gnutls_datum_t text = {0};
	CLEANUP(clear_secret) struct secret pem = {0};
	int code = gnutls_privkey_export_x509(key->handle, &x509);

	if (code == 0)
		code = gnutls_x509_privkey_export2_pkcs8(x509, GNUTLS_X509_FMT_PEM, NULL,
							 GNUTLS_PKCS_PLAIN, &text);
	if (code < 0)
		return set_gnutls_fault(fault, "private key", code);
	if (allocate_secret(text.size, &pem, fault) < 0)
		return -1;
	memcpy(pem.data, text.data, text.size);
	*ret_pem = take_secret(&pem);
	return 0;
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
