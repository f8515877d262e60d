#include "common/crypto/key_check.h"

#include <criterion/criterion.h>
#include <gmp.h>
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
	struct fault fault = {0};

	make_roca_modulus(modulus);
	cr_expect_eq(check_modulus(modulus, &fault), -1);
	cr_expect(strstr(fault.text, "ROCA") != NULL, "%s", fault.text);
	/* The same but for 2: no power of 65537 any more. */
	modulus[MODULUS_LEN - 1] ^= 2;
	fault = (struct fault){0};
	cr_expect_eq(check_modulus(modulus, &fault), 0, "%s", fault.text);
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
		struct fault fault = {0};

		cr_assert_eq(gnutls_privkey_init(&key), 0);
		cr_assert_eq(gnutls_pubkey_init(&public), 0);
		if (gnutls_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(curves[i]),
					    0) == 0) {
			cr_assert_eq(gnutls_pubkey_import_privkey(public, key, 0, 0), 0);
			cr_expect_eq(check_public_key(public, &type, &fault), -1);
			cr_expect(strstr(fault.text, "P-256 or P-384") != NULL, "%s", fault.text);
		} else {
			cr_expect_neq(curves[i], GNUTLS_ECC_CURVE_SECP521R1);
		}
		gnutls_privkey_deinit(key);
		gnutls_pubkey_deinit(public);
	}
}
