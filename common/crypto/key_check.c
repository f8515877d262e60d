#include "common/crypto/key_check.h"

#include "common/crypto/gnutls_object.h"

#include <gmp.h>

static void import_number(mpz_t number, const gnutls_datum_t *datum)
{
	mpz_import(number, datum->size, 1, 1, 1, 0, datum->data);
}

enum { SIGN_BIT = 255 };

/* x² of the points with that y (RFC 8032 section 5.1.3), modulo p; false if there is no such point.
 */
static bool find_square_x(mpz_t ret_square, const mpz_t y, const mpz_t p)
{
	mpz_t denominator;
	bool found;

	/* x² = (y² - 1) / (d y² + 1), d = -121665/121666; both sides times 121666. */
	mpz_init(denominator);
	mpz_mul(ret_square, y, y);
	mpz_mul_si(denominator, ret_square, -121665);
	mpz_add_ui(denominator, denominator, 121666);
	mpz_sub_ui(ret_square, ret_square, 1);
	mpz_mul_ui(ret_square, ret_square, 121666);
	found = mpz_invert(denominator, denominator, p) != 0;
	mpz_mul(ret_square, ret_square, denominator);
	mpz_mod(ret_square, ret_square, p);
	found = found && mpz_legendre(ret_square, p) >= 0;
	mpz_clear(denominator);
	return found;
}

bool is_strong_ed25519_point(const uint8_t encoded[static ED25519_POINT_LEN])
{
	mpz_t p;
	mpz_t y;
	mpz_t sum;
	bool strong;

	mpz_inits(p, y, sum, NULL);
	mpz_setbit(p, SIGN_BIT);
	mpz_sub_ui(p, p, 19);
	mpz_import(y, ED25519_POINT_LEN, -1, 1, 0, 0, encoded);
	mpz_clrbit(y, SIGN_BIT);
	/* Order 1 or 2: x = 0; order 4: y = 0; order 8: x² + y² = 0. */
	strong = mpz_cmp(y, p) < 0 && mpz_sgn(y) != 0 && find_square_x(sum, y, p) &&
		 mpz_sgn(sum) != 0;
	mpz_addmul(sum, y, y);
	strong = strong && mpz_divisible_p(sum, p) == 0;
	mpz_clears(p, y, sum, NULL);
	return strong;
}

static int check_ed25519_key(gnutls_pubkey_t handle, enum key_type *ret_type, struct fault *fault)
{
	CLEANUP(free_datum) gnutls_datum_t point = {0};
	gnutls_ecc_curve_t curve;
	int code = gnutls_pubkey_export_ecc_raw2(handle, &curve, &point, NULL, 0);

	if (code < 0)
		return set_gnutls_fault(fault, "Ed25519 public key", code);
	if (point.size != ED25519_POINT_LEN || !is_strong_ed25519_point(point.data))
		return set_fault(fault, FAULT_REFUSED,
				 "Ed25519 public key: expected a point of the curve of large "
				 "order, found another");
	*ret_type = KEY_ED25519;
	return 0;
}

/* parse_ec_spki did not accept the key: it is on another curve, or not in its one form. */
static int refuse_ec_key(gnutls_pubkey_t handle, struct fault *fault)
{
	gnutls_ecc_curve_t curve;
	int code = gnutls_pubkey_export_ecc_raw2(handle, &curve, NULL, NULL, 0);

	if (code < 0)
		return set_gnutls_fault(fault, "EC public key", code);
	if (curve != GNUTLS_ECC_CURVE_SECP256R1 && curve != GNUTLS_ECC_CURVE_SECP384R1)
		return set_fault(fault, FAULT_REFUSED,
				 "EC public key: expected curve P-256 or P-384, found %s",
				 gnutls_ecc_curve_get_name(curve));
	return set_fault(fault, FAULT_MALFORMED,
			 "EC public key: expected a SubjectPublicKeyInfo in DER with an "
			 "uncompressed point, and nothing after it: this is another encoding");
}

/* Whether residue is a power of 65537 modulo the prime. */
static bool is_power(unsigned long residue, unsigned long prime)
{
	unsigned long power = 1;

	do {
		if (power == residue)
			return true;
		power = power * (65537 % prime) % prime;
	} while (power != 1);
	return false;
}

/*
 * The fingerprint of keys from Infineon's broken library (ROCA, CVE-2017-15361; Nemec et al. 2017,
 * section 4): the modulus is a power of 65537 modulo each of these primes.
 */
static bool has_roca_fingerprint(const mpz_t modulus)
{
	static const unsigned char primes[] = {3,   5,   7,   11,  13,  17,  19,  23,  29,  31,
					       37,  41,  43,  47,  53,  59,  61,  67,  71,  73,
					       79,  83,  89,  97,  101, 103, 107, 109, 113, 127,
					       131, 137, 139, 149, 151, 157, 163, 167};

	for (size_t i = 0; i < COUNT_OF(primes); i++)
		if (!is_power(mpz_fdiv_ui(modulus, primes[i]), primes[i]))
			return false;
	return true;
}

static int check_rsa_numbers(const mpz_t modulus, const mpz_t exponent, enum key_type *ret_type,
			     struct fault *fault)
{
	static const struct {
		size_t bits;
		enum key_type type;
	} sizes[] = {{2048, KEY_RSA_2048}, {3072, KEY_RSA_3072}, {4096, KEY_RSA_4096}};
	size_t bits = mpz_sizeinbase(modulus, 2);
	size_t i = 0;

	while (i < COUNT_OF(sizes) && sizes[i].bits != bits)
		i++;
	if (i == COUNT_OF(sizes))
		return set_fault(fault, FAULT_REFUSED,
				 "RSA public key: expected 2048, 3072 or 4096 bits, found %zu",
				 bits);
	if (mpz_even_p(modulus))
		return set_fault(fault, FAULT_REFUSED, "RSA public key: the modulus is even");
	if (mpz_cmp_ui(exponent, 65537) < 0 || mpz_even_p(exponent) ||
	    mpz_sizeinbase(exponent, 2) > 32)
		return set_fault(fault, FAULT_REFUSED,
				 "RSA public key: expected an odd exponent from 65537 to 2^32, "
				 "found another");
	if (has_roca_fingerprint(modulus))
		return set_fault(
			fault, FAULT_REFUSED,
			"RSA public key: made by a broken generator (ROCA, CVE-2017-15361)");
	*ret_type = sizes[i].type;
	return 0;
}

static int check_rsa_key(gnutls_pubkey_t handle, enum key_type *ret_type, struct fault *fault)
{
	CLEANUP(free_datum) gnutls_datum_t modulus = {0};
	CLEANUP(free_datum) gnutls_datum_t exponent = {0};
	int code = gnutls_pubkey_export_rsa_raw2(handle, &modulus, &exponent, 0);
	mpz_t n;
	mpz_t e;

	if (code < 0)
		return set_fault(fault, FAULT_FAILED, "RSA public key: %s", gnutls_strerror(code));
	mpz_inits(n, e, NULL);
	import_number(n, &modulus);
	import_number(e, &exponent);
	code = check_rsa_numbers(n, e, ret_type, fault);
	mpz_clears(n, e, NULL);
	return code;
}

int check_public_key(gnutls_pubkey_t handle, enum key_type *ret_type, struct fault *fault)
{
	int algorithm = gnutls_pubkey_get_pk_algorithm(handle, NULL);

	if (algorithm == GNUTLS_PK_ECDSA)
		return refuse_ec_key(handle, fault);
	if (algorithm == GNUTLS_PK_RSA)
		return check_rsa_key(handle, ret_type, fault);
	if (algorithm == GNUTLS_PK_EDDSA_ED25519)
		return check_ed25519_key(handle, ret_type, fault);
	return set_fault(fault, FAULT_REFUSED,
			 "public key: expected ECDSA, Ed25519 or RSA, found %s",
			 gnutls_pk_get_name((gnutls_pk_algorithm_t)algorithm));
}
