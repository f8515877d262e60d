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
	OK(read_key_ring(layout_a, 0, &ring, &fault));
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

enum { NOW_S = 1790000000, HOUR_S = 3600 };

/* A rotation of a's key at NOW_S, whose old one lasts an hour; the keys before and after. */
static void rotate(struct shared_key *ret_before, struct shared_key *ret_after)
{
	bool made = false;

	OK(share_key(layout_a, "a", layout_b, "b", &made, &fault));
	OK(read_shared_key(layout_a, "b", ret_before, &fault));
	OK(generate_shared_key(ret_after, &fault));
	OK(replace_shared_key(layout_a, "b", ret_after, NOW_S + HOUR_S, true, NOW_S, &fault));
}

Test(key_file, has_the_old_key_until_its_end)
{
	struct shared_key before;
	struct shared_key after;
	struct shared_key read;
	struct key_ring ring = {0};
	bool found = false;

	rotate(&before, &after);
	OK(read_shared_key(layout_a, "b", &read, &fault));
	cr_expect_str_eq(read.kid, after.kid);
	OK(read_old_key(layout_a, "b", NOW_S, &read, &found, &fault));
	cr_assert(found);
	cr_expect_str_eq(read.kid, before.kid);
	cr_expect_arr_eq(read.key, before.key, SHARED_KEY_LEN);
	cr_expect_eq(read.ends_s, NOW_S + HOUR_S);
	cr_expect(read.offer);
	OK(note_taken_key(layout_a, "b", &fault));
	OK(read_old_key(layout_a, "b", NOW_S, &read, &found, &fault));
	cr_expect(found && !read.offer);
	OK(read_key_ring(layout_a, NOW_S + HOUR_S - 1, &ring, &fault));
	cr_assert_eq(ring.count, 2);
	cr_expect_str_eq(find_peer_key(&ring, "b")->key.kid, after.kid);
	cr_expect_str_eq(find_key_id(&ring, bytes_of_string(before.kid))->peer, "b");
	clear_key_ring(&ring);
	OK(read_key_ring(layout_a, NOW_S + HOUR_S, &ring, &fault));
	cr_expect_eq(ring.count, 1);
	cr_expect_null(find_key_id(&ring, bytes_of_string(before.kid)));
	clear_key_ring(&ring);
}

static bool has_old_key(void)
{
	return faccessat(layout_a->private, "old_b.jwk", F_OK, 0) == 0;
}

Test(key_file, removes_old_keys_that_have_ended_and_no_others)
{
	struct shared_key before;
	struct shared_key after;
	bool ended = false;

	rotate(&before, &after);
	OK(sweep_ended_keys(layout_a, NOW_S + HOUR_S - 1, &fault));
	cr_expect(has_old_key());
	OK(sweep_ended_keys(layout_a, NOW_S + HOUR_S, &fault));
	cr_expect_not(has_old_key());
	OK(end_old_key(layout_a, "b", &ended, &fault));
	cr_expect_not(ended, "there is none");
}

Test(key_file, ends_every_old_key_with_a_rotation_without_an_overlap)
{
	struct shared_key before;
	struct shared_key after;
	struct shared_key last;
	struct key_ring ring = {0};

	rotate(&before, &after);
	OK(generate_shared_key(&last, &fault));
	OK(replace_shared_key(layout_a, "b", &last, NOW_S, false, NOW_S, &fault));
	cr_expect_not(has_old_key());
	OK(read_key_ring(layout_a, NOW_S, &ring, &fault));
	cr_expect_eq(ring.count, 1);
	cr_expect_str_eq(ring.keys[0].key.kid, last.kid);
	clear_key_ring(&ring);
}

/* A kill between the two files leaves the current key as the old one as well. */
Test(key_file, reads_an_interrupted_rotation_as_none)
{
	struct shared_key before;
	struct shared_key after;
	struct key_ring ring = {0};
	struct secret jwk = {0};

	rotate(&before, &after);
	after.ends_s = NOW_S + HOUR_S;
	OK(format_shared_key(&after, &jwk, &fault));
	cr_assert_eq(unlinkat(layout_a->private, "old_b.jwk", 0), 0);
	put_bytes(layout_a->private, "old_b.jwk", bytes_of_secret(&jwk), 0600);
	clear_secret(&jwk);
	OK(read_key_ring(layout_a, NOW_S, &ring, &fault));
	cr_expect_eq(ring.count, 1);
	clear_key_ring(&ring);
}

Test(key_file, refuses_an_old_key_without_an_end_and_a_current_one_with_one)
{
	struct shared_key before;
	struct shared_key after;
	struct shared_key read;
	bool found = false;

	rotate(&before, &after);
	cr_assert_eq(renameat(layout_a->private, "old_b.jwk", layout_a->private, "kept"), 0);
	cr_assert_eq(renameat(layout_a->private, "shared_b.jwk", layout_a->private, "old_b.jwk"),
		     0);
	cr_assert_eq(renameat(layout_a->private, "kept", layout_a->private, "shared_b.jwk"), 0);
	REFUSED(read_old_key(layout_a, "b", NOW_S, &read, &found, &fault), FAULT_MALFORMED,
		"expected an old key with its end");
	SAID("--finish");
	REFUSED(read_shared_key(layout_a, "b", &read, &fault), FAULT_MALFORMED,
		"expected a key without an end");
}
