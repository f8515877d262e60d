#include "common/crypto/passphrase_seal.h"

#include "tests/support/expect.h"
#include "tests/unit/crypto/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

#define PASSPHRASE "correct horse"
#define PLAIN "sixteen octets!!and a bit more\n"

/* openssl enc -aes-256-cbc -pbkdf2 -iter 600000 -md sha256 -S 0102030405060708, with its head */
static const char by_openssl[] = "53616c7465645f5f0102030405060708"
				 "df77e6dad32a8b780e4e543fa5bf3a64"
				 "c53aa1297dc53fe2bc5b82790ea9c796";

/* hashlib.pbkdf2_hmac in Python, octets 65 to 96 */
static const char mac_key[] = "b3aabaa588793d06e307a03ad8c869207117"
			      "11f6cc17fb3e264f447c83c58d71";

Test(passphrase_seal, refuses_octets_that_were_not_sealed)
{
	static const char *const rows[] = {
		"",
		"53616c7465645f5f",
		"53616c7465645f5f0102030405060708",
		"53616c7465645f5f010203040506070800",
		"53616c7465645f5e0102030405060708df77e6dad32a8b780e4e543fa5bf3a64",
		"53616c7465645f5f0102030405060708df77e6dad32a8b780e4e543fa5bf3a",
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buffer sealed = decode_hex(rows[i]);
		uint8_t salt[SEAL_SALT_LEN];

		REFUSED(find_seal_salt(bytes_of_buffer(&sealed), salt, &fault), FAULT_MALFORMED,
			"expected \"Salted__\"", "row %zu", i);
		clear_buffer(&sealed);
	}
}

Test(passphrase_seal, opens_seals_of_openssl)
{
	CLEANUP(clear_seal_keys) struct seal_keys keys = {0};
	CLEANUP(clear_secret) struct secret plain = {0};
	CLEANUP(clear_buffer) struct buffer sealed = decode_hex(by_openssl);
	CLEANUP(clear_buffer) struct buffer expected = decode_hex(mac_key);
	uint8_t salt[SEAL_SALT_LEN];

	OK(find_seal_salt(bytes_of_buffer(&sealed), salt, &fault));
	derive_seal_keys(bytes_of_string(PASSPHRASE), salt, &keys);
	cr_expect_arr_eq(keys.mac_key, expected.data, SHA256_LEN);
	OK(open_seal(bytes_of_buffer(&sealed), &keys, &plain, &fault));
	cr_expect(equal_bytes(bytes_of_secret(&plain), bytes_of_string(PLAIN)));
}

Test(passphrase_seal, finds_no_padding_under_another_key)
{
	struct seal_keys keys = {.key = {1}};
	CLEANUP(clear_secret) struct secret plain = {0};
	CLEANUP(clear_buffer) struct buffer sealed = decode_hex(by_openssl);

	REFUSED(open_seal(bytes_of_buffer(&sealed), &keys, &plain, &fault), FAULT_MALFORMED,
		"expected padding");
	cr_expect_null(plain.data);
}

Test(passphrase_seal, opens_its_own_seals_of_every_length)
{
	uint8_t octets[40];

	memset(octets, 7, sizeof(octets));
	for (size_t len = 0; len <= sizeof(octets); len += 8) {
		CLEANUP(clear_seal_keys) struct seal_keys keys = {0};
		CLEANUP(clear_secret) struct secret plain = {0};
		CLEANUP(clear_buffer) struct buffer sealed = {0};
		const struct bytes given = {octets, len};

		OK(seal_octets(given, bytes_of_string(PASSPHRASE), &sealed, &keys, &fault));
		cr_expect_eq(sealed.len, 16 + (len / 16 + 1) * 16);
		OK(open_seal(bytes_of_buffer(&sealed), &keys, &plain, &fault));
		cr_expect(equal_bytes(bytes_of_secret(&plain), given));
	}
}

/* RFC 4231 section 4.2, with a key padded with zeros, which has no effect */
Test(passphrase_seal, authenticates_as_the_rfc_does)
{
	const uint8_t key[SHA256_LEN] = {
		0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b,
		0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b,
	};
	CLEANUP(clear_buffer)
	struct buffer expected =
		decode_hex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	uint8_t mac[SHA256_LEN];

	hmac_sha256(key, bytes_of_string("Hi There"), mac);
	cr_expect_arr_eq(mac, expected.data, SHA256_LEN);
}
