#include "common/ca/shared/client_key_copies.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/ca/shared/store_key.h"
#include "common/ca/store/driver.h"
#include "common/crypto/key_file.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Two front ends, each with a layout, on one record that says of itself that it is shared. */
static struct scratch_store scratch;
static struct store *stores[2];
static struct layout *layouts[2];
static int64_t now_s;

static void copy_store_key(int to)
{
	char paths[2][400];

	for (int i = 0; i < 2; i++)
		(void)snprintf(paths[i], sizeof(paths[i]), "%s/Private/" STORE_KEY_FILE,
			       layouts[i]->path);
	copy_file(paths[1 - to], paths[to]);
}

static void set_up(void)
{
	make_scratch_store(&scratch);
	now_s = read_clock();
	for (int i = 0; i < 2; i++) {
		char path[400];

		(void)snprintf(path, sizeof(path), "%s/ca%d", scratch.folder.path, i + 1);
		OK(make_layout(path, &layouts[i], &fault));
		stores[i] = open_scratch_store(&scratch);
		stores[i]->shared = true;
	}
}

static void tear_down(void)
{
	for (int i = 0; i < 2; i++) {
		free_store(&stores[i]);
		free_layout(&layouts[i]);
	}
	remove_scratch_store(&scratch);
}

TestSuite(client_key_copies, .init = set_up, .fini = tear_down);

/* A key of client1 that layout 1 had before the record was shared; both have joined. */
static struct shared_key share_first_key(void)
{
	struct shared_key key;

	OK(generate_shared_key(&key, &fault));
	OK(write_shared_key(layouts[0], "client1", &key, &fault));
	OK(take_client_keys(stores[0], layouts[0], &fault));
	copy_store_key(1);
	OK(take_client_keys(stores[1], layouts[1], &fault));
	return key;
}

static void expect_key(int front_end, const char *client, const char *kid)
{
	struct shared_key key;

	OK(take_client_keys(stores[front_end], layouts[front_end], &fault));
	OK(read_shared_key(layouts[front_end], client, &key, &fault));
	cr_expect_str_eq(key.kid, kid);
}

static void expect_no_key(int front_end, const char *client)
{
	struct shared_key key;

	OK(take_client_keys(stores[front_end], layouts[front_end], &fault));
	REFUSED(read_shared_key(layouts[front_end], client, &key, &fault), FAULT_NOT_FOUND, NULL);
}

Test(client_key_copies, have_the_keys_that_the_first_front_end_had)
{
	const struct shared_key key = share_first_key();

	expect_key(1, "client1", key.kid);
}

Test(client_key_copies, follow_each_change_at_any_front_end)
{
	const struct shared_key first = share_first_key();
	struct shared_key second;
	struct shared_key third;
	struct shared_key old;
	bool flag;

	OK(generate_shared_key(&second, &fault));
	OK(generate_shared_key(&third, &fault));
	OK(write_client_key(stores[1], layouts[1], "client2", &second, &fault));
	expect_key(0, "client2", second.kid);
	expect_key(0, "client1", first.kid);

	OK(replace_client_key(stores[0], layouts[0], "client2", &third, now_s + 1000, now_s,
			      &fault));
	expect_key(1, "client2", third.kid);
	OK(read_old_key(layouts[1], "client2", now_s, &old, &flag, &fault));
	cr_expect(flag);
	cr_expect_str_eq(old.kid, second.kid);
	cr_expect_eq(old.ends_s, now_s + 1000);

	OK(end_old_client_key(stores[1], layouts[1], "client2", &flag, &fault));
	expect_key(0, "client2", third.kid);
	OK(read_old_key(layouts[0], "client2", now_s, &old, &flag, &fault));
	cr_expect_not(flag);

	OK(remove_client_key(stores[0], layouts[0], "client2", &fault));
	expect_no_key(1, "client2");
	expect_key(1, "client1", first.kid);
}

Test(client_key_copies, are_read_from_the_record_itself_while_a_ca_serves)
{
	CLEANUP(clear_key_ring) struct key_ring ring = {0};
	uint8_t stamps[2][SHA256_LEN];
	struct shared_key key;

	(void)share_first_key();
	OK(stamp_client_keys(stores[1], layouts[1], stamps[0], &fault));
	OK(generate_shared_key(&key, &fault));
	OK(write_client_key(stores[0], layouts[0], "client2", &key, &fault));
	OK(stamp_client_keys(stores[1], layouts[1], stamps[1], &fault));
	cr_expect_neq(memcmp(stamps[0], stamps[1], SHA256_LEN), 0);
	OK(read_client_keys(stores[1], layouts[1], now_s, &ring, &fault));
	cr_expect_eq(ring.count, 2);
	cr_expect_str_eq(find_peer_key(&ring, "client2")->key.kid, key.kid);
}

Test(client_key_copies, that_two_front_ends_change_at_once_are_changed_once)
{
	struct shared_key first = share_first_key();
	struct shared_key keys[2];

	OK(generate_shared_key(&keys[0], &fault));
	OK(generate_shared_key(&keys[1], &fault));
	OK(replace_client_key(stores[0], layouts[0], "client1", &keys[0], 0, now_s, &fault));
	REFUSED(replace_client_key(stores[1], layouts[1], "client1", &keys[1], 0, now_s, &fault),
		FAULT_REFUSED, "changed by another front end meanwhile: run this again");
	expect_key(1, "client1", keys[0].kid);
	REFUSED(write_client_key(stores[1], layouts[1], "client1", &first, &fault), FAULT_REFUSED,
		"changed by another front end");
}

Test(client_key_copies, need_the_key_of_the_record)
{
	static const struct {
		bool other; /* key of the store */
		enum fault_class class;
		const char *part;
	} rows[] = {
		{false, FAULT_NOT_FOUND, "this host has not joined its front ends"},
		{true, FAULT_REFUSED, "expected the key of the record"},
	};
	CLEANUP(clear_secret) struct secret jwk = {0};
	struct shared_key key;
	char path[400];
	FILE *file;

	(void)share_first_key();
	(void)snprintf(path, sizeof(path), "%s/Private/" STORE_KEY_FILE, layouts[1]->path);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		cr_assert_eq(unlink(path), 0);
		if (rows[i].other) {
			OK(generate_shared_key(&key, &fault));
			OK(format_shared_key(&key, &jwk, &fault));
			file = fopen(path, "w");
			cr_assert_not_null(file);
			cr_assert_eq(fwrite(jwk.data, 1, jwk.len, file), jwk.len);
			(void)fclose(file);
			cr_assert_eq(chmod(path, 0600), 0);
		}
		REFUSED(take_client_keys(stores[1], layouts[1], &fault), rows[i].class,
			rows[i].part);
		if (!rows[i].other) {
			file = fopen(path, "w");
			cr_assert_not_null(file);
			(void)fclose(file);
		}
	}
	OK(read_shared_key(layouts[1], "client1", &key, &fault));
}

Test(client_key_copies, are_not_believed_when_the_record_was_changed)
{
	static const char *const changes[] = {
		"UPDATE shared_key SET client = 'client2'",
		"UPDATE shared_key SET sealed = (SELECT checked_heads FROM state)",
		"UPDATE shared_key SET old = sealed",
	};

	for (size_t i = 0; i < COUNT_OF(changes); i++) {
		(void)share_first_key();
		run_foreign_sql(scratch.path, changes[i]);
		REFUSED(take_client_keys(stores[1], layouts[1], &fault), FAULT_UNDECRYPTABLE,
			"client");
		tear_down();
		set_up();
	}
}

Test(client_key_copies, are_files_alone_in_a_record_that_is_not_shared)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	struct shared_key key;

	stores[0]->shared = false;
	OK(generate_shared_key(&key, &fault));
	OK(write_client_key(stores[0], layouts[0], "client1", &key, &fault));
	OK(take_client_keys(stores[0], layouts[0], &fault));
	OK(read_shared_key(layouts[0], "client1", &key, &fault));
	OK(begin_transaction(stores[0], TRANSACTION_READ, &transaction, &fault));
	REFUSED(need_store_key(layouts[0], &transaction, &key, &fault), FAULT_NOT_FOUND,
		"the record has no key of its front ends yet");
}
