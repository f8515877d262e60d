#include "common/crypto/digest.h"

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
