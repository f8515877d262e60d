#include "common/crypto/digest.h"

#include "tests/support/expect.h"
#include "tests/unit/crypto/vectors.h"

#include <criterion/criterion.h>

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
