#include "common/crypto/key_file.h"

#include "tests/support/scratch.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct pair {
	struct scratch scratch;
	struct layout *a;
	struct layout *b;
};

static void make_pair(struct pair *pair)
{
	char path[512];
	struct fault fault = {0};

	make_scratch(&pair->scratch);
	(void)snprintf(path, sizeof(path), "%s/a", pair->scratch.path);
	cr_assert_eq(make_layout(path, &pair->a, &fault), 0, "%s", fault.text);
	(void)snprintf(path, sizeof(path), "%s/b", pair->scratch.path);
	cr_assert_eq(make_layout(path, &pair->b, &fault), 0, "%s", fault.text);
}

static void remove_pair(struct pair *pair)
{
	free_layout(&pair->a);
	free_layout(&pair->b);
	remove_scratch(&pair->scratch);
}

Test(key_file, says_how_a_shared_key_comes_into_being)
{
	struct pair pair = {0};
	struct shared_key key;
	struct fault fault = {0};

	make_pair(&pair);
	cr_expect_eq(read_shared_key(pair.a, "b", &key, &fault), -1);
	cr_expect_eq(fault.class, FAULT_NOT_FOUND);
	cr_expect(strstr(fault.text, "certpool init") != NULL, "%s", fault.text);
	cr_expect(strstr(fault.text, "Private/shared_b.jwk") != NULL, "%s", fault.text);
	remove_pair(&pair);
}

/* catalogue 38, 100 */
Test(key_file, refuses_keys_that_others_can_read)
{
	struct pair pair = {0};
	struct shared_key key;
	struct private_key *private = NULL;
	struct fault fault = {0};
	bool made = false;

	make_pair(&pair);
	cr_assert_eq(share_key(pair.a, "a", pair.b, "b", &made, &fault), 0, "%s", fault.text);
	cr_assert_eq(fchmodat(pair.a->private, "shared_b.jwk", 0644, 0), 0);
	cr_expect_eq(read_shared_key(pair.a, "b", &key, &fault), -1);
	cr_expect_eq(fault.class, FAULT_REFUSED);
	cr_expect(strstr(fault.text, "0644") != NULL, "%s", fault.text);
	put_file(pair.a->private, "private_key1.key", "x", 0640);
	fault = (struct fault){0};
	cr_expect_eq(read_private_key(pair.a, "private_key1.key", &private, &fault), -1);
	cr_expect(strstr(fault.text, "0640") != NULL, "%s", fault.text);
	remove_pair(&pair);
}

Test(key_file, does_not_overwrite_another_shared_key)
{
	struct pair pair = {0};
	struct shared_key key;
	struct shared_key other;
	struct shared_key read;
	struct fault fault = {0};

	make_pair(&pair);
	cr_assert_eq(generate_shared_key(&key, &fault), 0);
	cr_assert_eq(generate_shared_key(&other, &fault), 0);
	cr_assert_eq(write_shared_key(pair.a, "b", &key, &fault), 0, "%s", fault.text);
	cr_expect_eq(write_shared_key(pair.a, "b", &key, &fault), 0, "the same is fine");
	cr_expect_eq(write_shared_key(pair.a, "b", &other, &fault), -1);
	cr_expect_eq(fault.class, FAULT_REFUSED);
	cr_expect(strstr(fault.text, "not overwritten") != NULL, "%s", fault.text);
	cr_assert_eq(read_shared_key(pair.a, "b", &read, &(struct fault){0}), 0);
	cr_expect_arr_eq(read.key, key.key, SHARED_KEY_LEN);
	remove_pair(&pair);
}

Test(key_file, shares_one_key_and_mends_a_missing_half)
{
	struct pair pair = {0};
	struct shared_key a;
	struct shared_key b;
	struct key_ring ring = {0};
	struct fault fault = {0};
	bool made = false;

	make_pair(&pair);
	cr_assert_eq(share_key(pair.a, "a", pair.b, "b", &made, &fault), 0, "%s", fault.text);
	cr_expect(made);
	cr_expect_eq(mode_of(pair.a->private, "shared_b.jwk"), 0600);
	cr_assert_eq(share_key(pair.a, "a", pair.b, "b", &made, &fault), 0, "%s", fault.text);
	cr_expect_not(made);
	cr_assert_eq(unlinkat(pair.a->private, "shared_b.jwk", 0), 0);
	cr_assert_eq(share_key(pair.a, "a", pair.b, "b", &made, &fault), 0, "%s", fault.text);
	cr_expect(made);
	cr_assert_eq(read_shared_key(pair.a, "b", &a, &fault), 0, "%s", fault.text);
	cr_assert_eq(read_shared_key(pair.b, "a", &b, &fault), 0, "%s", fault.text);
	cr_expect_str_eq(a.kid, b.kid);
	cr_expect_arr_eq(a.key, b.key, SHARED_KEY_LEN);
	cr_assert_eq(read_key_ring(pair.a, &ring, &fault), 0, "%s", fault.text);
	cr_expect_eq(ring.count, 1);
	cr_expect_str_eq(ring.keys[0].peer, "b");
	clear_key_ring(&ring);
	remove_pair(&pair);
}

Test(key_file, refuses_to_share_over_two_different_keys)
{
	struct pair pair = {0};
	struct shared_key key;
	struct fault fault = {0};
	bool made = false;

	make_pair(&pair);
	cr_assert_eq(generate_shared_key(&key, &fault), 0);
	cr_assert_eq(write_shared_key(pair.a, "b", &key, &fault), 0);
	cr_assert_eq(generate_shared_key(&key, &fault), 0);
	cr_assert_eq(write_shared_key(pair.b, "a", &key, &fault), 0);
	cr_expect_eq(share_key(pair.a, "a", pair.b, "b", &made, &fault), -1);
	cr_expect_eq(fault.class, FAULT_REFUSED);
	remove_pair(&pair);
}

Test(key_file, reads_a_private_key)
{
	struct pair pair = {0};
	struct private_key *key = NULL;
	struct private_key *read = NULL;
	struct secret pem = {0};
	struct fault fault = {0};

	make_pair(&pair);
	cr_assert_eq(generate_private_key(KEY_ED25519, &key, &fault), 0);
	cr_assert_eq(format_private_key(key, &pem, &fault), 0);
	put_bytes(pair.a->private, "root.key", bytes_of_secret(&pem), 0600);
	cr_assert_eq(read_private_key(pair.a, "root.key", &read, &fault), 0, "%s", fault.text);
	cr_expect_eq(private_key_type(read), KEY_ED25519);
	put_file(pair.a->private, "bad.key", "nonsense", 0600);
	cr_expect_eq(read_private_key(pair.a, "bad.key", &read, &fault), -1);
	cr_expect(strstr(fault.text, "Private/bad.key") != NULL, "%s", fault.text);
	clear_secret(&pem);
	free_private_key(&key);
	free_private_key(&read);
	remove_pair(&pair);
}
