#include "common/crypto/ecdsa_nonce.h"

#include "common/crypto/ec_key.h"
#include "tests/support/expect.h"
#include "tests/unit/crypto/vectors.h"

#include <criterion/criterion.h>

/* The private keys of RFC 6979 sections A.2.5 and A.2.6. */
static const char p256_key[] = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
static const char p384_key[] = "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba"
			       "9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5";

struct row {
	enum key_type type;
	const char *message;
	const char *first;
	const char *second;
};

/* Draws twice for the digest of each row's message; the extra octets are 0, 1, 2 and so on. */
static void expect_numbers(const struct row *rows, size_t count, bool with_extra)
{
	uint8_t extra[EC_OCTETS_MAX];

	for (size_t i = 0; i < sizeof(extra); i++)
		extra[i] = (uint8_t)i;
	for (size_t i = 0; i < count; i++) {
		const size_t len = ec_octets(rows[i].type);
		const bool p256 = rows[i].type == KEY_ECDSA_P256;
		struct buffer key = decode_hex(p256 ? p256_key : p384_key);
		struct buffer first = decode_hex(rows[i].first);
		struct buffer second = decode_hex(rows[i].second);
		struct ecdsa_nonces nonces;
		uint8_t digest[DIGEST_MAX];
		uint8_t drawn[EC_OCTETS_MAX];

		(void)compute_digest(p256 ? DIGEST_SHA256 : DIGEST_SHA384,
				     bytes_of_string(rows[i].message), digest);
		init_ecdsa_nonces(&nonces, rows[i].type, key.data, (struct bytes){digest, len},
				  (struct bytes){extra, with_extra ? len : 0});
		draw_ecdsa_nonce(&nonces, len, drawn);
		cr_expect_arr_eq(drawn, first.data, len, "row %zu", i);
		draw_ecdsa_nonce(&nonces, len, drawn);
		cr_expect_arr_eq(drawn, second.data, len, "row %zu", i);
		clear_buffer(&key);
		clear_buffer(&first);
		clear_buffer(&second);
	}
}

/* RFC 6979 sections A.2.5 and A.2.6; the second numbers are from python3-ecdsa 0.18. */
Test(ecdsa_nonce, has_the_numbers_of_rfc6979)
{
	static const struct row rows[] = {
		{KEY_ECDSA_P256, "sample",
		 "a6e3c57dd01abe90086538398355dd4c3b17aa873382b0f24d6129493d8aad60",
		 "8e83dc490bc5fc4d5992bd63cd87f254adffcb930f8a8011702a88870f638fdb"},
		{KEY_ECDSA_P256, "test",
		 "d16b6ae827f17175e040871a1c7ec3500192c4c92677336ec2537acaee0008e0",
		 "ed6fc87dcb558274e84d7d3799f12f8f279c07fa5301a7cd33f0ad9866cd8ca0"},
		{KEY_ECDSA_P384, "sample",
		 "94ed910d1a099dad3254e9242ae85abde4ba15168eaf0ca8"
		 "7a555fd56d10fbca2907e3e83ba95368623b8c4686915cf9",
		 "9d63ce4c96d070a67f7bee49e870b64838c0ac65bb7440cf"
		 "46017dca69d35d236219aae5e00a9f01f13e7774be1339fc"},
		{KEY_ECDSA_P384, "test",
		 "015ee46a5bf88773ed9123a5ab0807962d193719503c527b"
		 "031b4c2d225092ada71f4a459bc0da98adb95837db8312ea",
		 "9cc959b70dd7367bc45ead8352b899ea744e5e94f6524f0c"
		 "d8c21a548ebc562fc7d5329e4d5f906a0cff9c2157105309"},
	};

	expect_numbers(rows, COUNT_OF(rows), false);
}

/* RFC 6979 section 3.6: the numbers are from python3-ecdsa 0.18 (extra_entropy). */
Test(ecdsa_nonce, depends_on_extra_octets_as_in_another_implementation)
{
	static const struct row rows[] = {
		{KEY_ECDSA_P256, "sample",
		 "e7eb519fdfdf2373299ac1322cff7b26e78d5041e24740b2e2ecd18d01b56ebf",
		 "d80c774ba9abb2e3d3bc03a40b30edb18b718fdad0764a4fa7a6ed91976d89a1"},
		{KEY_ECDSA_P256, "test",
		 "c228a1fda100603cc7225354f4c320435aa99a5e3d906583f46023cb667f0104",
		 "8ae14fff825550c84b5c74396a241fc984a2a382c476be0a67d0381d4acbf63a"},
		{KEY_ECDSA_P384, "sample",
		 "db02b4afa5ba5232df27d0fdae85bcefa535c06ac916b0e9"
		 "56938143305e88110d97c07c1bbd0e26e8b45650a0e56600",
		 "b3f85bafc7c3465b496da506ab37c16070c00df41720d829"
		 "82a76fd411633b0a2bda0132e3a767db28957a7e0faee306"},
		{KEY_ECDSA_P384, "test",
		 "718cbd834355b432defaf191846ad178563243f43f9ff423"
		 "e9321a0e1683561449d0f507a43aed07118d452532fe78e3",
		 "a14381777a1acea5ee22271f23c41ecadeed66f32804634a"
		 "fbde5934f5be3e6aed981c31d823de1517383fef4c8aa62c"},
	};

	expect_numbers(rows, COUNT_OF(rows), true);
}

/* A digest from the order on is reduced: the numbers are those of the remainder, here 0. */
Test(ecdsa_nonce, takes_a_digest_modulo_the_order)
{
	static const uint8_t scalar[EC_OCTETS_MAX] = {1};
	static const uint8_t zeros[EC_OCTETS_MAX];

	for (unsigned int i = KEY_ECDSA_P256; i <= KEY_ECDSA_P384; i++) {
		const enum key_type type = (enum key_type)i;
		const struct bytes order = ec_order(type);
		struct ecdsa_nonces nonces;
		uint8_t expected[EC_OCTETS_MAX];
		uint8_t drawn[EC_OCTETS_MAX];

		init_ecdsa_nonces(&nonces, type, scalar, (struct bytes){zeros, order.len},
				  (struct bytes){0});
		draw_ecdsa_nonce(&nonces, order.len, expected);
		init_ecdsa_nonces(&nonces, type, scalar, order, (struct bytes){0});
		draw_ecdsa_nonce(&nonces, order.len, drawn);
		cr_expect_arr_eq(drawn, expected, order.len);
	}
}
