#include "common/crypto/ed25519_point.h"

#include <gmp.h>

enum { SIGN_BIT = 255 };

/* x² of the points with that y (RFC 8032 section 5.1.3), modulo p; false when there are none. */
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
