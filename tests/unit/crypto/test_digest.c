#include "common/crypto/digest.h"

#include "tests/support/expect.h"
#include "tests/unit/crypto/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

/* FIPS 180-4, NIST's examples */
Test(digest, knows_the_vectors_of_nist)
{
	static const struct {
		const char *data;
		const char *digest;
	} rows[] = {
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buffer expected = decode_hex(rows[i].digest);
		uint8_t digest[SHA256_LEN];

		digest_sha256(bytes_of_string(rows[i].data), digest);
		cr_expect_arr_eq(digest, expected.data, SHA256_LEN);
		clear_buffer(&expected);
	}
}

/* FIPS 180-4, NIST's examples */
Test(digest, knows_each_algorithm)
{
	static const struct {
		enum digest_algorithm algorithm;
		const char *digest;
	} rows[] = {
		{DIGEST_SHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{DIGEST_SHA384, "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded163"
				"1a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"},
		{DIGEST_SHA512, "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
				"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buffer expected = decode_hex(rows[i].digest);
		uint8_t digest[DIGEST_MAX];

		cr_assert_eq(compute_digest(rows[i].algorithm, bytes_of_string("abc"), digest),
			     expected.len);
		cr_expect_arr_eq(digest, expected.data, expected.len);
		clear_buffer(&expected);
	}
}

Test(digest, is_the_digest_of_the_pieces_together)
{
	static const char text[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	CLEANUP(free_running_digest) struct running_digest *digest = NULL;
	struct bytes whole = bytes_of_string(text);
	uint8_t expected[SHA256_LEN];
	uint8_t found[SHA256_LEN];

	digest_sha256(whole, expected);
	OK(new_running_digest(&digest, &fault));
	for (size_t cut = 0; cut <= whole.len; cut++) {
		update_digest(digest, (struct bytes){whole.data, cut});
		update_digest(digest, (struct bytes){whole.data + cut, whole.len - cut});
		finish_digest(digest, found);
		cr_expect_arr_eq(found, expected, SHA256_LEN);
	}
}

Test(digest, is_written_as_sha256sum_does)
{
	uint8_t digest[SHA256_LEN];
	char text[SHA256_TEXT_SIZE];

	digest_sha256(bytes_of_string("abc"), digest);
	format_sha256(digest, text);
	cr_expect_str_eq(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* RFC 4231 sections 4.2 and 4.7 (a key longer than a block), the data in three pieces */
Test(digest, computes_the_macs_of_rfc4231)
{
	static const struct {
		enum digest_algorithm algorithm;
		bool long_key;
		const char *mac;
	} rows[] = {
		{DIGEST_SHA256, false,
		 "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
		{DIGEST_SHA256, true,
		 "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
		{DIGEST_SHA384, false,
		 "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
		 "faea9ea9076ede7f4af152e8b2fa9cb6"},
		{DIGEST_SHA384, true,
		 "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6"
		 "0c2ef6ab4030fe8296248df163f44952"},
		{DIGEST_SHA512, false,
		 "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
		 "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"},
		{DIGEST_SHA512, true,
		 "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
		 "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598"},
	};
	uint8_t short_key[20];
	uint8_t long_key[131];

	memset(short_key, 0x0b, sizeof(short_key));
	memset(long_key, 0xaa, sizeof(long_key));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buffer expected = decode_hex(rows[i].mac);
		struct bytes key = rows[i].long_key ? (struct bytes){long_key, sizeof(long_key)}
						    : (struct bytes){short_key, sizeof(short_key)};
		struct bytes data = bytes_of_string(
			rows[i].long_key ? "Test Using Larger Than Block-Size Key - Hash Key First"
					 : "Hi There");
		const struct bytes pieces[] = {{data.data, 3}, {0}, {data.data + 3, data.len - 3}};
		uint8_t mac[DIGEST_MAX];

		cr_assert_eq(compute_hmac(rows[i].algorithm, key, pieces, 3, mac), expected.len,
			     "row %zu", i);
		cr_expect_arr_eq(mac, expected.data, expected.len, "row %zu", i);
		clear_buffer(&expected);
	}
}

/* RFC 5869 appendix A.3: no salt, no info; its first 32 octets. */
Test(digest, derives_the_key_of_RFC_5869)
{
	uint8_t secret[22];
	uint8_t key[SHA256_LEN];
	uint8_t other[SHA256_LEN];
	CLEANUP(clear_buffer)
	struct buffer expected =
		decode_hex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");

	memset(secret, 0x0b, sizeof(secret));
	derive_key((struct bytes){secret, sizeof(secret)}, "", key);
	cr_expect_arr_eq(key, expected.data, SHA256_LEN);
	derive_key((struct bytes){secret, sizeof(secret)}, "another purpose", other);
	cr_expect_arr_neq(key, other, SHA256_LEN);
}
