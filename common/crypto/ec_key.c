#include "common/crypto/ec_key.h"

#include "common/base/random.h"
#include "common/crypto/gnutls_object.h"

#include <gmp.h>
#include <gnutls/x509.h>
#include <nettle/ecc-curve.h>
#include <nettle/ecc.h>
#include <string.h>

enum { COORDINATE_MAX = 48, SCALAR_LIMBS = COORDINATE_MAX * 8 / GMP_LIMB_BITS };

/*
 * PKCS#8 of a key on the curve, up to the scalar and from there to the point: OneAsymmetricKey
 * {v1, {id-ecPublicKey, curve}, ECPrivateKey {1, scalar, [1] point}}.
 */
static const uint8_t p256_head[] = {
	0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86,
	0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
	0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20,
};
static const uint8_t p256_middle[] = {0xa1, 0x44, 0x03, 0x42, 0x00, 0x04};
static const uint8_t p384_head[] = {
	0x30, 0x81, 0xb6, 0x02, 0x01, 0x00, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86,
	0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22,
	0x04, 0x81, 0x9e, 0x30, 0x81, 0x9b, 0x02, 0x01, 0x01, 0x04, 0x30,
};
static const uint8_t p384_middle[] = {0xa1, 0x64, 0x03, 0x62, 0x00, 0x04};

/* An elliptic curve as Nettle and GnuTLS know it. */
struct curve {
	const struct ecc_curve *nettle;
	gnutls_ecc_curve_t gnutls;
	size_t len; /* octets of a coordinate and of a scalar */
	struct bytes head;
	struct bytes middle;
};

/* Octets of fixed length, most significant first. */
struct key_pair {
	uint8_t x[COORDINATE_MAX];
	uint8_t y[COORDINATE_MAX];
	uint8_t k[COORDINATE_MAX];
};

bool is_ec_key_type(enum key_type type)
{
	return type == KEY_ECDSA_P256 || type == KEY_ECDSA_P384;
}

static struct curve find_curve(enum key_type type)
{
	if (type == KEY_ECDSA_P256)
		return (struct curve){nettle_get_secp_256r1(),
				      GNUTLS_ECC_CURVE_SECP256R1,
				      32,
				      {p256_head, sizeof(p256_head)},
				      {p256_middle, sizeof(p256_middle)}};
	return (struct curve){nettle_get_secp_384r1(),
			      GNUTLS_ECC_CURVE_SECP384R1,
			      48,
			      {p384_head, sizeof(p384_head)},
			      {p384_middle, sizeof(p384_middle)}};
}

static void clear_key_pair(struct key_pair *pair)
{
	wipe(pair, sizeof(*pair));
}

/* Neither mpz_clear nor ecc_scalar_clear wipes. */
static void clear_secret_number(mpz_t number)
{
	wipe(mpz_limbs_write(number, SCALAR_LIMBS), SCALAR_LIMBS * sizeof(mp_limb_t));
	mpz_clear(number);
}

static void clear_secret_scalar(struct ecc_scalar *scalar)
{
	wipe(scalar->p, (size_t)ecc_size(scalar->ecc) * sizeof(mp_limb_t));
	ecc_scalar_clear(scalar);
}

/* A uniform scalar from 1 to the group's order - 1: draws until one is in range. */
static int draw_scalar(const struct curve *curve, struct ecc_scalar *scalar,
		       uint8_t ret_k[static COORDINATE_MAX], struct fault *fault)
{
	mpz_t number;
	int in_range = 0;

	mpz_init2(number, COORDINATE_MAX * 8);
	while (in_range == 0 && fill_random(ret_k, curve->len, fault) == 0) {
		mpz_import(number, curve->len, 1, 1, 1, 0, ret_k);
		in_range = ecc_scalar_set(scalar, number);
	}
	clear_secret_number(number);
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
			  struct key_pair *pair)
{
	struct ecc_point point;
	mpz_t x;
	mpz_t y;

	mpz_inits(x, y, NULL);
	ecc_point_init(&point, curve->nettle);
	ecc_point_mul_g(&point, scalar);
	ecc_point_get(&point, x, y);
	export_coordinate(x, pair->x, curve->len);
	export_coordinate(y, pair->y, curve->len);
	ecc_point_clear(&point);
	mpz_clears(x, y, NULL);
}

static int draw_key_pair(const struct curve *curve, struct key_pair *pair, struct fault *fault)
{
	struct ecc_scalar scalar;
	int drawn;

	ecc_scalar_init(&scalar, curve->nettle);
	drawn = draw_scalar(curve, &scalar, pair->k, fault);
	if (drawn == 0)
		multiply_base(curve, &scalar, pair);
	clear_secret_scalar(&scalar);
	return drawn;
}

int generate_ec_key(enum key_type type, gnutls_privkey_t handle, struct fault *fault)
{
	const struct curve curve = find_curve(type);
	CLEANUP(clear_key_pair) struct key_pair pair = {0};
	gnutls_datum_t x = {pair.x, (unsigned int)curve.len};
	gnutls_datum_t y = {pair.y, (unsigned int)curve.len};
	gnutls_datum_t k = {pair.k, (unsigned int)curve.len};
	int code;

	if (draw_key_pair(&curve, &pair, fault) < 0)
		return -1;
	code = gnutls_privkey_import_ecc_raw(handle, curve.gnutls, &x, &y, &k);
	return code < 0 ? set_gnutls_fault(fault, "EC key", code) : 0;
}

/* GnuTLS gives numbers with a leading zero, or without those that should be there. */
static void set_length(const gnutls_datum_t *number, uint8_t *ret_octets, size_t len)
{
	struct bytes digits = {number->data, number->size};

	while (digits.len > len) {
		digits.data++;
		digits.len--;
	}
	memset(ret_octets, 0, len - digits.len);
	memcpy(ret_octets + (len - digits.len), digits.data, digits.len);
}

static int export_key_pair(const struct curve *curve, gnutls_privkey_t handle,
			   struct key_pair *pair, struct fault *fault)
{
	CLEANUP(free_datum) gnutls_datum_t x = {0};
	CLEANUP(free_datum) gnutls_datum_t y = {0};
	CLEANUP(free_datum) gnutls_datum_t k = {0};
	int code = gnutls_privkey_export_ecc_raw2(handle, NULL, &x, &y, &k, 0);

	if (code < 0)
		return set_gnutls_fault(fault, "EC key", code);
	set_length(&x, pair->x, curve->len);
	set_length(&y, pair->y, curve->len);
	set_length(&k, pair->k, curve->len);
	return 0;
}

static uint8_t *put(uint8_t *at, const uint8_t *octets, size_t len)
{
	memcpy(at, octets, len);
	return at + len;
}

int format_ec_key(enum key_type type, gnutls_privkey_t handle, struct secret *ret_der,
		  struct fault *fault)
{
	const struct curve curve = find_curve(type);
	CLEANUP(clear_key_pair) struct key_pair pair = {0};
	CLEANUP(clear_secret) struct secret der = {0};
	uint8_t *at;

	if (export_key_pair(&curve, handle, &pair, fault) < 0 ||
	    allocate_secret(curve.head.len + curve.middle.len + 3 * curve.len, &der, fault) < 0)
		return -1;
	at = put(der.data, curve.head.data, curve.head.len);
	at = put(at, pair.k, curve.len);
	at = put(at, curve.middle.data, curve.middle.len);
	at = put(at, pair.x, curve.len);
	(void)put(at, pair.y, curve.len);
	*ret_der = take_secret(&der);
	return 0;
}
