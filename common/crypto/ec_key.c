#include "common/crypto/ec_key.h"

#include "common/base/random.h"
#include "common/crypto/ecdsa_nonce.h"
#include "common/crypto/gnutls_object.h"

#include <gmp.h>
#include <gnutls/x509.h>
#include <nettle/ecc-curve.h>
#include <nettle/ecc.h>
#include <nettle/ecdsa.h>
#include <stdlib.h>
#include <string.h>

enum { SCALAR_LIMBS = EC_OCTETS_MAX * 8 / GMP_LIMB_BITS };

/*
 * The octets of PKCS#8 before the scalar, and those between scalar and point: OneAsymmetricKey
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

/* SubjectPublicKeyInfo before the coordinates: {{id-ecPublicKey, curve}, uncompressed point}. */
static const uint8_t p256_spki_head[] = {
	0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
	0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
};
static const uint8_t p384_spki_head[] = {
	0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
	0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00, 0x04,
};

/* The order of the group (SEC 2 sections 2.4.2 and 2.5.1). */
static const uint8_t p256_order[32] = {
	0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
	0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
};
static const uint8_t p384_order[48] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf, 0x58, 0x1a, 0x0d, 0xb2,
	0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
};

/* The differences between the curves, besides Nettle's tables. */
static const struct curve {
	const char *name;
	size_t octets;
	struct bytes head; /* of PKCS#8 */
	struct bytes middle;
	struct bytes spki_head;
	struct bytes order;
} curves[KEY_TYPE_COUNT] = {
	[KEY_ECDSA_P256] = {"SECP256R1",
			    32,
			    {p256_head, sizeof(p256_head)},
			    {p256_middle, sizeof(p256_middle)},
			    {p256_spki_head, sizeof(p256_spki_head)},
			    {p256_order, sizeof(p256_order)}},
	[KEY_ECDSA_P384] = {"SECP384R1",
			    48,
			    {p384_head, sizeof(p384_head)},
			    {p384_middle, sizeof(p384_middle)},
			    {p384_spki_head, sizeof(p384_spki_head)},
			    {p384_order, sizeof(p384_order)}},
};

/* Octets are numbers of the curve's length, most significant octet first. */
struct ec_key {
	enum key_type type;
	struct ecc_scalar scalar;
	uint8_t k[EC_OCTETS_MAX]; /* the same scalar as octets */
	uint8_t x[EC_OCTETS_MAX];
	uint8_t y[EC_OCTETS_MAX];
};

struct ec_point {
	enum key_type type;
	struct ecc_point point;
};

bool is_ec_key_type(enum key_type type)
{
	return curves[type].octets > 0;
}

size_t ec_octets(enum key_type type)
{
	return curves[type].octets;
}

struct bytes ec_order(enum key_type type)
{
	return curves[type].order;
}

static const struct ecc_curve *nettle_curve(enum key_type type)
{
	return type == KEY_ECDSA_P256 ? nettle_get_secp_256r1() : nettle_get_secp_384r1();
}

/* NULL with a fault without memory. */
static struct ec_key *new_ec_key(enum key_type type, struct fault *fault)
{
	struct ec_key *key = calloc(1, sizeof(*key));

	if (key == NULL) {
		(void)set_memory_fault(fault);
		return NULL;
	}
	key->type = type;
	ecc_scalar_init(&key->scalar, nettle_curve(type));
	return key;
}

/* Neither mpz_clear nor ecc_scalar_clear wipes. */
static void clear_secret_number(mpz_t number)
{
	wipe(mpz_limbs_write(number, SCALAR_LIMBS), SCALAR_LIMBS * sizeof(mp_limb_t));
	mpz_clear(number);
}

void free_ec_key(struct ec_key **key_pointer)
{
	struct ec_key *key = TAKE(*key_pointer);

	if (key == NULL)
		return;
	wipe(key->scalar.p, (size_t)ecc_size(key->scalar.ecc) * sizeof(mp_limb_t));
	ecc_scalar_clear(&key->scalar);
	wipe(key, sizeof(*key));
	free(key);
}

/* Sets the scalar from the octets; false when it is not from 1 to the group's order - 1. */
static bool set_scalar(struct ec_key *key)
{
	mpz_t number;
	bool in_range;

	mpz_init2(number, EC_OCTETS_MAX * 8);
	mpz_import(number, ec_octets(key->type), 1, 1, 1, 0, key->k);
	in_range = ecc_scalar_set(&key->scalar, number) == 1;
	clear_secret_number(number);
	return in_range;
}

/* Draws until the scalar is in range: it is uniform then. */
static int draw_scalar(struct ec_key *key, struct fault *fault)
{
	do {
		if (fill_random(key->k, ec_octets(key->type), fault) < 0)
			return -1;
	} while (!set_scalar(key));
	return 0;
}

/* Big-endian, with leading zeros. */
static void export_number(const mpz_t number, uint8_t *ret_octets, size_t len)
{
	size_t used = (mpz_sizeinbase(number, 2) + 7) / 8;

	memset(ret_octets, 0, len);
	mpz_export(ret_octets + (len - used), NULL, 1, 1, 1, 0, number);
}

static void multiply_base(struct ec_key *key)
{
	struct ecc_point point;
	mpz_t x;
	mpz_t y;

	mpz_inits(x, y, NULL);
	ecc_point_init(&point, nettle_curve(key->type));
	ecc_point_mul_g(&point, &key->scalar);
	ecc_point_get(&point, x, y);
	export_number(x, key->x, ec_octets(key->type));
	export_number(y, key->y, ec_octets(key->type));
	ecc_point_clear(&point);
	mpz_clears(x, y, NULL);
}

int generate_ec_key(enum key_type type, struct ec_key **ret_key, struct fault *fault)
{
	CLEANUP(free_ec_key) struct ec_key *key = new_ec_key(type, fault);

	if (key == NULL || draw_scalar(key, fault) < 0)
		return -1;
	multiply_base(key);
	*ret_key = TAKE(key);
	return 0;
}

/* Pads or strips leading zeros: GnuTLS exports numbers as INTEGERs. */
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

int import_ec_key(enum key_type type, gnutls_privkey_t handle, struct ec_key **ret_key,
		  struct fault *fault)
{
	CLEANUP(free_ec_key) struct ec_key *key = new_ec_key(type, fault);
	CLEANUP(free_datum) gnutls_datum_t x = {0};
	CLEANUP(free_datum) gnutls_datum_t y = {0};
	CLEANUP(free_datum) gnutls_datum_t k = {0};
	int code;

	if (key == NULL)
		return -1;
	code = gnutls_privkey_export_ecc_raw2(handle, NULL, &x, &y, &k, 0);
	if (code < 0)
		return set_gnutls_fault(fault, "EC key", code);
	set_length(&x, key->x, ec_octets(type));
	set_length(&y, key->y, ec_octets(type));
	set_length(&k, key->k, ec_octets(type));
	if (!set_scalar(key))
		return set_fault(fault, FAULT_MALFORMED,
				 "EC key: the scalar is 0, or not below the group's order");
	*ret_key = TAKE(key);
	return 0;
}

static uint8_t *write_octets(uint8_t *at, const uint8_t *octets, size_t len)
{
	memcpy(at, octets, len);
	return at + len;
}

int format_ec_key(const struct ec_key *key, struct secret *ret_der, struct fault *fault)
{
	const struct curve *curve = &curves[key->type];
	CLEANUP(clear_secret) struct secret der = {0};
	uint8_t *at;

	if (allocate_secret(curve->head.len + curve->middle.len + 3 * curve->octets, &der, fault) <
	    0)
		return -1;
	at = write_octets(der.data, curve->head.data, curve->head.len);
	at = write_octets(at, key->k, curve->octets);
	at = write_octets(at, curve->middle.data, curve->middle.len);
	at = write_octets(at, key->x, curve->octets);
	(void)write_octets(at, key->y, curve->octets);
	*ret_der = take_secret(&der);
	return 0;
}

void append_ec_spki(const struct ec_key *key, struct buffer *buffer)
{
	append_bytes(buffer, curves[key->type].spki_head);
	append_bytes(buffer, (struct bytes){key->x, ec_octets(key->type)});
	append_bytes(buffer, (struct bytes){key->y, ec_octets(key->type)});
}

void free_ec_point(struct ec_point **point_pointer)
{
	struct ec_point *point = TAKE(*point_pointer);

	if (point == NULL)
		return;
	ecc_point_clear(&point->point);
	free(point);
}

static bool has_form(struct bytes spki, const struct curve *curve)
{
	return curve->octets > 0 && spki.len == curve->spki_head.len + 2 * curve->octets &&
	       memcmp(spki.data, curve->spki_head.data, curve->spki_head.len) == 0;
}

static bool set_point(struct ecc_point *point, const uint8_t *coordinates, size_t octets)
{
	mpz_t x;
	mpz_t y;
	bool on_curve;

	mpz_inits(x, y, NULL);
	mpz_import(x, octets, 1, 1, 1, 0, coordinates);
	mpz_import(y, octets, 1, 1, 1, 0, coordinates + octets);
	on_curve = ecc_point_set(point, x, y) == 1;
	mpz_clears(x, y, NULL);
	return on_curve;
}

int parse_ec_spki(struct bytes spki, enum key_type *ret_type, struct ec_point **ret_point,
		  struct fault *fault)
{
	CLEANUP(free_ec_point) struct ec_point *point = NULL;
	int type = 0;

	while (type < KEY_TYPE_COUNT && !has_form(spki, &curves[type]))
		type++;
	if (type == KEY_TYPE_COUNT) {
		*ret_point = NULL;
		return 0;
	}
	point = calloc(1, sizeof(*point));
	if (point == NULL)
		return set_memory_fault(fault);
	point->type = (enum key_type)type;
	ecc_point_init(&point->point, nettle_curve(point->type));
	if (!set_point(&point->point, spki.data + curves[type].spki_head.len, curves[type].octets))
		return set_fault(fault, FAULT_REFUSED,
				 "EC public key: expected a point of the curve %s, found another",
				 curves[type].name);
	*ret_type = point->type;
	*ret_point = TAKE(point);
	return 0;
}

static int sign_from(struct nonce_source *source, const struct ec_key *key, struct bytes digest,
		     struct buffer *signature)
{
	const size_t octets = ec_octets(key->type);
	struct dsa_signature result;
	uint8_t *rs = extend_buffer(signature, 2 * octets);

	if (rs == NULL)
		return check_buffer(signature, source->fault);
	dsa_signature_init(&result);
	ecdsa_sign(&key->scalar, source, draw_nonce, digest.len, digest.data, &result);
	if (!source->failed) {
		export_number(result.r, rs, octets);
		export_number(result.s, rs + octets, octets);
	}
	dsa_signature_clear(&result);
	return source->failed ? -1 : 0;
}

int sign_with_ec_key(const struct ec_key *key, enum ecdsa_randomness randomness,
		     struct bytes digest, struct buffer *signature, struct fault *fault)
{
	const size_t octets = ec_octets(key->type);
	struct nonce_source source = {.fault = fault};
	struct ecdsa_nonces nonces;
	uint8_t fresh[EC_OCTETS_MAX];
	int result;

	if (randomness == RANDOMNESS_OF_KERNEL)
		return sign_from(&source, key, digest, signature);
	if (fill_random(fresh, octets, fault) < 0)
		return -1;
	init_ecdsa_nonces(&nonces, key->type, key->k, digest, (struct bytes){fresh, octets});
	source.hedged = &nonces;
	result = sign_from(&source, key, digest, signature);
	wipe(&nonces, sizeof(nonces));
	wipe(fresh, sizeof(fresh));
	return result;
}

bool verify_with_ec_point(const struct ec_point *point, struct bytes digest, struct bytes signature)
{
	const size_t octets = ec_octets(point->type);
	struct dsa_signature given;
	bool valid;

	dsa_signature_init(&given);
	mpz_import(given.r, octets, 1, 1, 1, 0, signature.data);
	mpz_import(given.s, octets, 1, 1, 1, 0, signature.data + octets);
	valid = ecdsa_verify(&point->point, digest.len, digest.data, &given) == 1;
	dsa_signature_clear(&given);
	return valid;
}

/* A number of the curve's length as limbs, least significant first. */
static void load_limbs(mp_limb_t *ret_limbs, const uint8_t *octets, size_t len)
{
	memset(ret_limbs, 0, SCALAR_LIMBS * sizeof(*ret_limbs));
	for (size_t i = 0; i < len; i++)
		ret_limbs[i / sizeof(mp_limb_t)] |= (mp_limb_t)octets[len - 1 - i]
						    << i % sizeof(mp_limb_t) * 8;
}

/* The same for a number that is no secret, below the order. */
static void copy_limbs(mp_limb_t *ret_limbs, const mpz_t number)
{
	for (mp_size_t i = 0; i < SCALAR_LIMBS; i++)
		ret_limbs[i] = mpz_getlimbn(number, i);
}

/*
 * The scalar u1 + u2 * k modulo the order, in time that does not depend on k. For a signature by k
 * it is the signature's secret number. False when it is 0.
 */
static bool recover_nonce(const struct ec_key *key, const mpz_t u1, const mpz_t u2,
			  struct ecc_scalar *nonce)
{
	enum { SCRATCH_LIMBS = 16 * SCALAR_LIMBS };
	const mp_size_t size = (mp_size_t)(ec_octets(key->type) / sizeof(mp_limb_t));
	struct {
		mp_limb_t k[SCALAR_LIMBS];
		mp_limb_t u1[SCALAR_LIMBS];
		mp_limb_t u2[SCALAR_LIMBS];
		mp_limb_t order[SCALAR_LIMBS];
		mp_limb_t sum[2 * SCALAR_LIMBS];
		mp_limb_t scratch[SCRATCH_LIMBS];
	} limbs;
	mp_limb_t any = 0;

	load_limbs(limbs.k, key->k, ec_octets(key->type));
	load_limbs(limbs.order, ec_order(key->type).data, ec_octets(key->type));
	copy_limbs(limbs.u1, u1);
	copy_limbs(limbs.u2, u2);
	mpn_sec_mul(limbs.sum, limbs.k, size, limbs.u2, size, limbs.scratch);
	/* k and u2 are below the order, so that the sum has no carry out of its upper half. */
	(void)mpn_sec_add_1(limbs.sum + size, limbs.sum + size, size,
			    mpn_add_n(limbs.sum, limbs.sum, limbs.u1, size), limbs.scratch);
	mpn_sec_div_r(limbs.sum, 2 * size, limbs.order, size, limbs.scratch);
	for (mp_size_t i = 0; i < size; i++)
		any |= limbs.sum[i];
	memcpy(nonce->p, limbs.sum, (size_t)size * sizeof(mp_limb_t));
	wipe(&limbs, sizeof(limbs));
	return any != 0;
}

/* R is the x coordinate of the nonce's point, modulo the order. */
static bool nonce_matches(const struct ecc_scalar *nonce, enum key_type type, const mpz_t order,
			  const mpz_t r)
{
	struct ecc_point point;
	bool matches;
	mpz_t x;

	mpz_init(x);
	ecc_point_init(&point, nettle_curve(type));
	ecc_point_mul_g(&point, nonce);
	ecc_point_get(&point, x, NULL);
	mpz_mod(x, x, order);
	matches = mpz_cmp(x, r) == 0;
	ecc_point_clear(&point);
	mpz_clear(x);
	return matches;
}

bool check_with_ec_key(const struct ec_key *key, struct bytes digest, struct bytes signature)
{
	const size_t octets = ec_octets(key->type);
	struct ecc_scalar nonce;
	mpz_t order;
	mpz_t r;
	mpz_t w; /* the inverse of S, then u1 and u2 of FIPS 186-4 section 6.4 */
	mpz_t u1;
	mpz_t u2;
	bool valid;

	mpz_inits(order, r, w, u1, u2, NULL);
	mpz_import(order, octets, 1, 1, 1, 0, ec_order(key->type).data);
	mpz_import(r, octets, 1, 1, 1, 0, signature.data);
	mpz_import(w, octets, 1, 1, 1, 0, signature.data + octets);
	mpz_import(u1, digest.len, 1, 1, 1, 0, digest.data);
	ecc_scalar_init(&nonce, nettle_curve(key->type));
	valid = mpz_sgn(r) > 0 && mpz_cmp(r, order) < 0 && mpz_cmp(w, order) < 0 &&
		mpz_invert(w, w, order) != 0;
	if (valid) {
		mpz_mul(u1, u1, w);
		mpz_mod(u1, u1, order);
		mpz_mul(u2, r, w);
		mpz_mod(u2, u2, order);
		valid = recover_nonce(key, u1, u2, &nonce) &&
			nonce_matches(&nonce, key->type, order, r);
	}
	wipe(nonce.p, (size_t)ecc_size(nonce.ecc) * sizeof(mp_limb_t));
	ecc_scalar_clear(&nonce);
	mpz_clears(order, r, w, u1, u2, NULL);
	return valid;
}
