#include "common/crypto/key_check.h"

#include "tests/support/expect.h"
#include "tests/unit/crypto/vectors.h"

#include <criterion/criterion.h>
#include <gmp.h>
#include <gnutls/abstract.h>
#include <string.h>

enum { MODULUS_LEN = 256 };

/* A modulus of 2048 bits that is a power of 65537 modulo every prime up to 167, as ROCA's are. */
static void make_roca_modulus(uint8_t ret_modulus[static MODULUS_LEN])
{
	mpz_t product;
	mpz_t prime;
	mpz_t modulus;
	mpz_t step;

	mpz_init_set_ui(product, 2);
	mpz_init_set_ui(prime, 2);
	mpz_inits(modulus, step, NULL);
	for (mpz_nextprime(prime, prime); mpz_cmp_ui(prime, 167) <= 0; mpz_nextprime(prime, prime))
		mpz_mul(product, product, prime);
	mpz_set_ui(modulus, 65537);
	mpz_powm_ui(modulus, modulus, 1234567, product);
	/* Add multiples of the product until it has 2048 bits. */
	mpz_ui_pow_ui(step, 2, 2047);
	mpz_cdiv_q(step, step, product);
	mpz_addmul(modulus, step, product);
	cr_assert_eq(mpz_sizeinbase(modulus, 2), 2048);
	mpz_export(ret_modulus, NULL, 1, 1, 1, 0, modulus);
	mpz_clears(product, prime, modulus, step, NULL);
}

static int check_modulus(const uint8_t modulus[static MODULUS_LEN], struct fault *fault)
{
	static uint8_t exponent[] = {1, 0, 1};
	uint8_t octets[MODULUS_LEN];
	gnutls_datum_t n = {octets, MODULUS_LEN};
	gnutls_datum_t e = {exponent, sizeof(exponent)};
	gnutls_pubkey_t handle;
	enum key_type type;
	int code;

	memcpy(octets, modulus, MODULUS_LEN);
	cr_assert_eq(gnutls_pubkey_init(&handle), 0);
	cr_assert_eq(gnutls_pubkey_import_rsa_raw(handle, &n, &e), 0);
	code = check_public_key(handle, &type, fault);
	gnutls_pubkey_deinit(handle);
	return code;
}

/* catalogue 45 */
Test(key_check, refuses_the_fingerprint_of_roca)
{
	uint8_t modulus[MODULUS_LEN];

	make_roca_modulus(modulus);
	REFUSED(check_modulus(modulus, &fault), FAULT_REFUSED, "ROCA");
	/* The same but for 2: no power of 65537 any more. */
	modulus[MODULUS_LEN - 1] ^= 2;
	OK(check_modulus(modulus, &fault));
}

/* catalogue 45 */
Test(key_check, refuses_curves_that_we_do_not_use)
{
	static const gnutls_ecc_curve_t curves[] = {
		GNUTLS_ECC_CURVE_SECP521R1, GNUTLS_ECC_CURVE_SECP224R1, GNUTLS_ECC_CURVE_SECP192R1};

	for (size_t i = 0; i < COUNT_OF(curves); i++) {
		gnutls_privkey_t key;
		gnutls_pubkey_t public;
		enum key_type type;

		cr_assert_eq(gnutls_privkey_init(&key), 0);
		cr_assert_eq(gnutls_pubkey_init(&public), 0);
		if (gnutls_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(curves[i]),
					    0) == 0) {
			cr_assert_eq(gnutls_pubkey_import_privkey(public, key, 0, 0), 0);
			REFUSED(check_public_key(public, &type, &fault), FAULT_REFUSED,
				"P-256 or P-384");
		} else {
			cr_expect_neq(curves[i], GNUTLS_ECC_CURVE_SECP521R1);
		}
		gnutls_privkey_deinit(key);
		gnutls_pubkey_deinit(public);
	}
}

/* catalogue 45 */
Test(key_check, refuses_small_orders_other_encodings_and_octets_that_are_no_point)
{
	static const char *const rows[] = {
		/* order 1, 2 and 4, with either sign of x */
		"0100000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000080",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0000000000000000000000000000000000000000000000000000000000000080",
		/* order 8 */
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
		/* y not below p: p, p + 1, p + 3 (which is a point for y = 3), 2^255 - 1 */
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		/* y = 2 has no x */
		"0200000000000000000000000000000000000000000000000000000000000000",
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buffer encoded = decode_hex(rows[i]);

		cr_assert_eq(encoded.len, ED25519_POINT_LEN);
		cr_expect_not(is_strong_ed25519_point(encoded.data), "%s", rows[i]);
		clear_buffer(&encoded);
	}
}

/* RFC 8032 section 7.1, and keys that GnuTLS makes */
Test(key_check, accepts_public_keys)
{
	static const char *const rows[] = {
		"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
		"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
		"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
		"0300000000000000000000000000000000000000000000000000000000000000",
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buffer encoded = decode_hex(rows[i]);

		cr_expect(is_strong_ed25519_point(encoded.data), "%s", rows[i]);
		clear_buffer(&encoded);
	}
	for (unsigned int i = 0; i < 200; i++) {
		gnutls_privkey_t key;
		gnutls_datum_t point = {0};
		gnutls_datum_t k = {0};
		gnutls_ecc_curve_t curve;

		cr_assert_eq(gnutls_privkey_init(&key), 0);
		cr_assert_eq(gnutls_privkey_generate(key, GNUTLS_PK_EDDSA_ED25519, 256, 0), 0);
		cr_assert_eq(gnutls_privkey_export_ecc_raw2(key, &curve, &point, NULL, &k, 0), 0);
		cr_expect(is_strong_ed25519_point(point.data));
		gnutls_free(point.data);
		gnutls_free(k.data);
		gnutls_privkey_deinit(key);
	}
}
