#include "common/crypto/key_file.h"

#include "tests/support/expect.h"
#include "tests/support/scratch.h"

#include <criterion/criterion.h>
#include <stdio.h>
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

	make_scratch(&pair->scratch);
	(void)snprintf(path, sizeof(path), "%s/a", pair->scratch.path);
	OK(make_layout(path, &pair->a, &fault));
	(void)snprintf(path, sizeof(path), "%s/b", pair->scratch.path);
	OK(make_layout(path, &pair->b, &fault));
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

	make_pair(&pair);
	REFUSED(read_shared_key(pair.a, "b", &key, &fault), FAULT_NOT_FOUND, "certpool init");
	SAID("Private/shared_b.jwk");
	remove_pair(&pair);
}

/* catalogue 38, 100 */
Test(key_file, refuses_keys_that_others_can_read)
{
	struct pair pair = {0};
	struct shared_key key;
	struct private_key *private = NULL;
	bool made = false;

	make_pair(&pair);
	OK(share_key(pair.a, "a", pair.b, "b", &made, &fault));
	cr_assert_eq(fchmodat(pair.a->private, "shared_b.jwk", 0644, 0), 0);
	REFUSED(read_shared_key(pair.a, "b", &key, &fault), FAULT_REFUSED, "0644");
	put_file(pair.a->private, "private_key1.key", "x", 0640);
	REFUSED(read_private_key(pair.a, "private_key1.key", &private, &fault), FAULT_REFUSED,
		"0640");
	remove_pair(&pair);
}

Test(key_file, does_not_overwrite_another_shared_key)
{
	struct pair pair = {0};
	struct shared_key key;
	struct shared_key other;
	struct shared_key read;

	make_pair(&pair);
	OK(generate_shared_key(&key, &fault));
	OK(generate_shared_key(&other, &fault));
	OK(write_shared_key(pair.a, "b", &key, &fault));
	OK(write_shared_key(pair.a, "b", &key, &fault), "the same is fine");
	REFUSED(write_shared_key(pair.a, "b", &other, &fault), FAULT_REFUSED, "not overwritten");
	OK(read_shared_key(pair.a, "b", &read, &fault));
	cr_expect_arr_eq(read.key, key.key, SHARED_KEY_LEN);
	remove_pair(&pair);
}

Test(key_file, shares_one_key_and_mends_a_missing_half)
{
	struct pair pair = {0};
	struct shared_key a;
	struct shared_key b;
	struct key_ring ring = {0};
	bool made = false;

	make_pair(&pair);
	OK(share_key(pair.a, "a", pair.b, "b", &made, &fault));
	cr_expect(made);
	cr_expect_eq(mode_of(pair.a->private, "shared_b.jwk"), 0600);
	OK(share_key(pair.a, "a", pair.b, "b", &made, &fault));
	cr_expect_not(made);
	cr_assert_eq(unlinkat(pair.a->private, "shared_b.jwk", 0), 0);
	OK(share_key(pair.a, "a", pair.b, "b", &made, &fault));
	cr_expect(made);
	OK(read_shared_key(pair.a, "b", &a, &fault));
	OK(read_shared_key(pair.b, "a", &b, &fault));
	cr_expect_str_eq(a.kid, b.kid);
	cr_expect_arr_eq(a.key, b.key, SHARED_KEY_LEN);
	OK(read_key_ring(pair.a, &ring, &fault));
	cr_expect_eq(ring.count, 1);
	cr_expect_str_eq(ring.keys[0].peer, "b");
	clear_key_ring(&ring);
	remove_pair(&pair);
}

Test(key_file, refuses_to_share_over_two_different_keys)
{
	struct pair pair = {0};
	struct shared_key key;
	bool made = false;

	make_pair(&pair);
	OK(generate_shared_key(&key, &fault));
	OK(write_shared_key(pair.a, "b", &key, &fault));
	OK(generate_shared_key(&key, &fault));
	OK(write_shared_key(pair.b, "a", &key, &fault));
	REFUSED(share_key(pair.a, "a", pair.b, "b", &made, &fault), FAULT_REFUSED, NULL);
	remove_pair(&pair);
}

Test(key_file, reads_a_private_key)
{
	struct pair pair = {0};
	struct private_key *key = NULL;
	struct private_key *read = NULL;
	struct secret pem = {0};

	make_pair(&pair);
	OK(generate_private_key(KEY_ED25519, &key, &fault));
	OK(format_private_key(key, &pem, &fault));
	put_bytes(pair.a->private, "root.key", bytes_of_secret(&pem), 0600);
	OK(read_private_key(pair.a, "root.key", &read, &fault));
	cr_expect_eq(private_key_type(read), KEY_ED25519);
	put_file(pair.a->private, "bad.key", "nonsense", 0600);
	REFUSED(read_private_key(pair.a, "bad.key", &read, &fault), FAULT_MALFORMED,
		"Private/bad.key");
	clear_secret(&pem);
	free_private_key(&key);
	free_private_key(&read);
	remove_pair(&pair);
}
