#include "tests/bench/parts/quick_signer.h"

#include "common/base/random.h"
#include "common/crypto/base64.h"

#include <nettle/ecc-curve.h>
#include <nettle/ecc.h>
#include <string.h>

enum { OCTETS = 32 }; /* of a coordinate, and of a scalar */

static void export_octets(const mpz_t number, uint8_t ret_octets[static OCTETS])
{
	size_t used = (mpz_sizeinbase(number, 2) + 7) / 8;

	memset(ret_octets, 0, OCTETS);
	mpz_export(ret_octets + (OCTETS - used), NULL, 1, 1, 1, 0, number);
}

/* Draws a scalar, and multiplies the base point by it. */
static int draw_point(mpz_t scalar, mpz_t x, mpz_t y, struct fault *fault)
{
	const struct ecc_curve *curve = nettle_get_secp_256r1();
	uint8_t octets[OCTETS];
	struct ecc_scalar drawn;
	struct ecc_point point;
	int result = 0;

	ecc_scalar_init(&drawn, curve);
	ecc_point_init(&point, curve);
	do {
		result = fill_random(octets, OCTETS, fault);
		mpz_import(scalar, OCTETS, 1, 1, 1, 0, octets);
	} while (result == 0 && ecc_scalar_set(&drawn, scalar) != 1);
	if (result == 0) {
		ecc_point_mul_g(&point, &drawn);
		ecc_point_get(&point, x, y);
	}
	ecc_point_clear(&point);
	ecc_scalar_clear(&drawn);
	return result;
}

static void append_member(struct buffer *json, const char *before, const mpz_t coordinate)
{
	uint8_t octets[OCTETS];

	export_octets(coordinate, octets);
	append_string(json, before);
	append_base64url(json, (struct bytes){octets, OCTETS});
}

static int draw_numbers(struct quick_signer *signer, struct fault *fault)
{
	int result;
	mpz_t x;
	mpz_t y;

	mpz_inits(x, y, NULL);
	result = draw_point(signer->key, x, y, fault);
	if (result == 0) {
		append_member(&signer->jwk, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"", x);
		append_member(&signer->jwk, "\",\"y\":\"", y);
		append_string(&signer->jwk, "\"}");
		result = check_buffer(&signer->jwk, fault);
	}
	if (result == 0)
		result = draw_point(signer->inverse, signer->r, y, fault);
	if (result == 0) {
		(void)mpz_invert(signer->inverse, signer->inverse, signer->order);
		mpz_mod(signer->r, signer->r, signer->order);
	}
	mpz_clears(x, y, NULL);
	return result;
}

int init_quick_signer(struct quick_signer *signer, struct fault *fault)
{
	*signer = (struct quick_signer){.jwk = {0}};
	mpz_inits(signer->key, signer->inverse, signer->r, NULL);
	/* SEC 2 section 2.4.2. */
	(void)mpz_init_set_str(signer->order,
			       "ffffffff00000000ffffffffffffffff"
			       "bce6faada7179e84f3b9cac2fc632551",
			       16);
	if (draw_numbers(signer, fault) == 0)
		return 0;
	clear_quick_signer(signer);
	return -1;
}

void clear_quick_signer(struct quick_signer *signer)
{
	mpz_clears(signer->order, signer->key, signer->inverse, signer->r, NULL);
	clear_buffer(&signer->jwk);
}

void sign_quickly(const struct quick_signer *signer, struct bytes data, struct buffer *signature)
{
	uint8_t digest[SHA256_LEN];
	uint8_t rs[2 * OCTETS];
	mpz_t s;

	digest_sha256(data, digest);
	mpz_init(s);
	mpz_import(s, SHA256_LEN, 1, 1, 1, 0, digest);
	mpz_addmul(s, signer->key, signer->r);
	mpz_mul(s, s, signer->inverse);
	mpz_mod(s, s, signer->order);
	export_octets(signer->r, rs);
	export_octets(s, rs + OCTETS);
	mpz_clear(s);
	append_bytes(signature, (struct bytes){rs, sizeof(rs)});
}
