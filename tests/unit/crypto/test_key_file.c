#include "common/crypto/key_file.h"

#include "tests/support/expect.h"
#include "tests/support/scratch.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct scratch scratch;
static struct layout *layout_a;
static struct layout *layout_b;

static void set_up(void)
{
	char path[512];

	make_scratch(&scratch);
	(void)snprintf(path, sizeof(path), "%s/a", scratch.path);
	OK(make_layout(path, &layout_a, &fault));
	(void)snprintf(path, sizeof(path), "%s/b", scratch.path);
	OK(make_layout(path, &layout_b, &fault));
}

static void tear_down(void)
{
	free_layout(&layout_a);
	free_layout(&layout_b);
	remove_scratch(&scratch);
}

TestSuite(key_file, .init = set_up, .fini = tear_down);

Test(key_file, says_how_a_shared_key_comes_into_being)
{
	struct shared_key key;

	REFUSED(read_shared_key(layout_a, "b", &key, &fault), FAULT_NOT_FOUND, "certpool init");
	SAID("Private/shared_b.jwk");
}

/* catalogue 38, 100 */
Test(key_file, refuses_keys_that_others_can_read)
{
	struct shared_key key;
	struct private_key *private = NULL;
	bool made = false;

	OK(share_key(layout_a, "a", layout_b, "b", &made, &fault));
	cr_assert_eq(fchmodat(layout_a->private, "shared_b.jwk", 0644, 0), 0);
	REFUSED(read_shared_key(layout_a, "b", &key, &fault), FAULT_REFUSED, "0644");
	put_file(layout_a->private, "private_key1.key", "x", 0640);
	REFUSED(read_private_key(layout_a, "private_key1.key", &private, &fault), FAULT_REFUSED,
		"0640");
}

Test(key_file, does_not_overwrite_another_shared_key)
{
	struct shared_key key;
	struct shared_key other;
	struct shared_key read;

	OK(generate_shared_key(&key, &fault));
	OK(generate_shared_key(&other, &fault));
	OK(write_shared_key(layout_a, "b", &key, &fault));
	OK(write_shared_key(layout_a, "b", &key, &fault), "the same is fine");
	REFUSED(write_shared_key(layout_a, "b", &other, &fault), FAULT_REFUSED, "not overwritten");
	OK(read_shared_key(layout_a, "b", &read, &fault));
	cr_expect_arr_eq(read.key, key.key, SHARED_KEY_LEN);
}

Test(key_file, shares_one_key_and_mends_a_missing_half)
{
	struct shared_key a;
	struct shared_key b;
	struct key_ring ring = {0};
	bool made = false;

	OK(share_key(layout_a, "a", layout_b, "b", &made, &fault));
	cr_expect(made);
	cr_expect_eq(mode_of(layout_a->private, "shared_b.jwk"), 0600);
	OK(share_key(layout_a, "a", layout_b, "b", &made, &fault));
	cr_expect_not(made);
	cr_assert_eq(unlinkat(layout_a->private, "shared_b.jwk", 0), 0);
	OK(share_key(layout_a, "a", layout_b, "b", &made, &fault));
	cr_expect(made);
	OK(read_shared_key(layout_a, "b", &a, &fault));
	OK(read_shared_key(layout_b, "a", &b, &fault));
	cr_expect_str_eq(a.kid, b.kid);
	cr_expect_arr_eq(a.key, b.key, SHARED_KEY_LEN);
	OK(read_key_ring(layout_a, &ring, &fault));
	cr_expect_eq(ring.count, 1);
	cr_expect_str_eq(ring.keys[0].peer, "b");
	clear_key_ring(&ring);
}

Test(key_file, refuses_to_share_over_two_different_keys)
{
	struct shared_key key;
	bool made = false;

	OK(generate_shared_key(&key, &fault));
	OK(write_shared_key(layout_a, "b", &key, &fault));
	OK(generate_shared_key(&key, &fault));
	OK(write_shared_key(layout_b, "a", &key, &fault));
	REFUSED(share_key(layout_a, "a", layout_b, "b", &made, &fault), FAULT_REFUSED, NULL);
}

Test(key_file, reads_a_private_key)
{
	struct private_key *key = NULL;
	struct private_key *read = NULL;
	struct secret pem = {0};

	OK(generate_private_key(KEY_ED25519, &key, &fault));
	OK(format_private_key(key, &pem, &fault));
	put_bytes(layout_a->private, "root.key", bytes_of_secret(&pem), 0600);
	OK(read_private_key(layout_a, "root.key", &read, &fault));
	cr_expect_eq(private_key_type(read), KEY_ED25519);
	put_file(layout_a->private, "bad.key", "nonsense", 0600);
	REFUSED(read_private_key(layout_a, "bad.key", &read, &fault), FAULT_MALFORMED,
		"Private/bad.key");
	clear_secret(&pem);
	free_private_key(&key);
	free_private_key(&read);
}
