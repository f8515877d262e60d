#include "common/crypto/running_digest.h"

#include <criterion/criterion.h>

Test(running_digest, is_the_digest_of_the_pieces_together)
{
	static const char text[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	CLEANUP(free_running_digest) struct running_digest *digest = NULL;
	struct bytes whole = bytes_of_string(text);
	uint8_t expected[SHA256_LEN];
	uint8_t found[SHA256_LEN];
	struct fault fault = {0};

	digest_sha256(whole, expected);
	cr_assert_eq(new_running_digest(&digest, &fault), 0);
	for (size_t cut = 0; cut <= whole.len; cut++) {
		update_digest(digest, (struct bytes){whole.data, cut});
		update_digest(digest, (struct bytes){whole.data + cut, whole.len - cut});
		finish_digest(digest, found);
		cr_expect_arr_eq(found, expected, SHA256_LEN);
	}
}

Test(running_digest, is_written_as_sha256sum_does)
{
	uint8_t digest[SHA256_LEN];
	char text[SHA256_TEXT_SIZE];

	digest_sha256(bytes_of_string("abc"), digest);
	format_sha256(digest, text);
	cr_expect_str_eq(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
