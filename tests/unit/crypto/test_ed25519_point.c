#include "common/crypto/ed25519_point.h"

#include "tests/unit/crypto/vectors.h"

#include <criterion/criterion.h>
#include <gnutls/abstract.h>
#include <string.h>

/* catalogue 45 */
Test(ed25519_point, refuses_small_orders_other_encodings_and_what_is_no_point)
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
Test(ed25519_point, takes_public_keys)
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
