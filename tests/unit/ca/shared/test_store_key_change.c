#include "common/ca/shared/store_key_change.h"

#include "common/ca/shared/client_key_copies.h"
#include "common/ca/shared/front_end_key.h"
#include "common/ca/shared/front_ends.h"
#include "common/ca/shared/issuer_copies.h"
#include "common/ca/shared/store_key.h"
#include "common/ca/store/audit.h"
#include "common/ca/store/driver.h"
#include "common/crypto/key_file.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { FRONT_ENDS = 4 };

/* Front ends 1 to 4 on one record with a client's key; the record says of itself that it is shared.
 */
static struct scratch_store scratch;
static struct store *stores[FRONT_ENDS];
static struct layout *layouts[FRONT_ENDS];

static void give_store_key(int to)
{
	char from_path[400];
	char to_path[400];

	(void)snprintf(from_path, sizeof(from_path), "%s/Private/" STORE_KEY_FILE,
		       layouts[0]->path);
	(void)snprintf(to_path, sizeof(to_path), "%s/Private/" STORE_KEY_FILE, layouts[to]->path);
	copy_file(from_path, to_path);
}

static void set_up(void)
{
	struct shared_key key;

	make_scratch_store(&scratch);
	run_foreign_sql(scratch.path, "INSERT INTO front_end (id, name, added_at, joined_at) VALUES"
				      " (2, 'ca2', 7, 8), (3, 'ca3', 7, 8), (4, 'ca4', 7, 8);"
				      "INSERT INTO audit_chain (front_end) VALUES (2), (3), (4)");
	for (int i = 0; i < FRONT_ENDS; i++) {
		char path[300];

		(void)snprintf(path, sizeof(path), "%s/ca%d", scratch.folder.path, i + 1);
		OK(make_layout(path, &layouts[i], &fault));
		stores[i] = open_scratch_store(&scratch);
		stores[i]->shared = true;
		set_store_front_end(stores[i], i + 1);
	}
	OK(generate_shared_key(&key, &fault));
	OK(write_shared_key(layouts[0], "client1", &key, &fault));
	for (int i = 0; i < FRONT_ENDS; i++) {
		if (i > 0)
			give_store_key(i);
		OK(take_client_keys(stores[i], layouts[i], &fault));
	}
}

static void tear_down(void)
{
	for (int i = 0; i < FRONT_ENDS; i++) {
		free_store(&stores[i]);
		free_layout(&layouts[i]);
	}
	remove_scratch_store(&scratch);
}

TestSuite(store_key_change, .init = set_up, .fini = tear_down);

static size_t remove_at_first(const char *name)
{
	size_t left = 99;

	OK(remove_front_end(stores[0], layouts[0], name, 1000, &left, &fault));
	return left;
}

/* The kid of the key that the front end finds in the record, as a process that only reads. */
static void find_kid(int front_end, char ret_kid[static KEY_ID_SIZE])
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(clear_shared_key) struct shared_key key = {0};

	OK(begin_transaction(stores[front_end], TRANSACTION_READ, &transaction, &fault));
	OK(need_store_key(layouts[front_end], &transaction, &key, &fault));
	memcpy(ret_kid, key.kid, KEY_ID_SIZE);
}

static void expect_no_key(int front_end, enum fault_class class, const char *part)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(clear_shared_key) struct shared_key key = {0};

	OK(begin_transaction(stores[front_end], TRANSACTION_READ, &transaction, &fault));
	REFUSED(need_store_key(layouts[front_end], &transaction, &key, &fault), class, part);
}

static void expect_ring(int front_end)
{
	CLEANUP(clear_key_ring) struct key_ring ring = {0};

	OK(read_client_keys(stores[front_end], layouts[front_end], 1000, &ring, &fault));
	cr_expect_not_null(find_peer_key(&ring, "client1"));
}

Test(store_key_change, gives_the_new_key_to_all_but_the_one_that_was_removed)
{
	char before[KEY_ID_SIZE];
	char after[KEY_ID_SIZE];
	char found[KEY_ID_SIZE];

	find_kid(0, before);
	cr_expect_eq(remove_at_first("ca3"), 0);
	find_kid(0, after);
	cr_expect_str_neq(after, before);
	find_kid(1, found);
	cr_expect_str_eq(found, after);
	expect_ring(0);
	expect_ring(1);
	expect_no_key(2, FAULT_REFUSED, "found another");
	/* Not even with what was left for another one. */
	run_foreign_sql(scratch.path, "UPDATE store_key SET front_end = 3 WHERE front_end = 2");
	expect_no_key(2, FAULT_UNDECRYPTABLE, "cannot be decrypted");
}

/* More than one statement takes. */
Test(store_key_change, wraps_the_keys_of_many_clients)
{
	enum { CLIENTS = 300 };
	CLEANUP(clear_key_ring) struct key_ring ring = {0};
	CLEANUP(clear_shared_key) struct shared_key key = {0};
	char client[NAME_SIZE];

	for (int i = 2; i <= CLIENTS; i++) {
		(void)snprintf(client, sizeof(client), "client%d", i);
		OK(generate_shared_key(&key, &fault));
		OK(write_client_key(stores[0], layouts[0], client, &key, &fault));
	}
	cr_expect_eq(remove_at_first("ca3"), 0);
	OK(read_client_keys(stores[1], layouts[1], 1000, &ring, &fault));
	for (int i = 1; i <= CLIENTS; i++) {
		(void)snprintf(client, sizeof(client), "client%d", i);
		cr_expect_not_null(find_peer_key(&ring, client), "%s", client);
	}
}

Test(store_key_change, is_followed_by_a_front_end_that_was_away_for_several)
{
	char after[KEY_ID_SIZE];
	char found[KEY_ID_SIZE];

	cr_expect_eq(remove_at_first("ca3"), 0);
	cr_expect_eq(remove_at_first("ca4"), 0);
	find_kid(0, after);
	find_kid(1, found);
	cr_expect_str_eq(found, after);
	expect_ring(1);
	OK(take_client_keys(stores[1], layouts[1], &fault));
	/* The file has the new key, so that what was left is needed no more. */
	run_foreign_sql(scratch.path, "DELETE FROM store_key");
	expect_ring(1);
}

Test(store_key_change, says_how_many_have_no_key_pair_in_the_record)
{
	run_foreign_sql(scratch.path, "UPDATE front_end SET public_key = NULL WHERE id = 2");
	cr_expect_eq(remove_at_first("ca3"), 1);
	expect_no_key(1, FAULT_REFUSED, "found another");
}

/* Nobody could open the record any more if the one that removes had none. */
Test(store_key_change, is_refused_without_the_own_key_pair_in_the_record)
{
	char before[KEY_ID_SIZE];
	char after[KEY_ID_SIZE];
	size_t left;

	find_kid(0, before);
	run_foreign_sql(scratch.path, "UPDATE front_end SET public_key = NULL WHERE id = 1");
	REFUSED(remove_front_end(stores[0], layouts[0], "ca3", 1000, &left, &fault), FAULT_REFUSED,
		"this front end has no key of its own in the record");
	SAID("run certpool check");
	find_kid(0, after);
	cr_expect_str_eq(after, before);
	OK(take_client_keys(stores[0], layouts[0], &fault));
	cr_expect_eq(remove_at_first("ca3"), 0);
}

Test(store_key_change, leaves_nothing_of_the_one_that_was_removed)
{
	char text[FINGERPRINT_SIZE];

	OK(read_fingerprint(stores[0], layouts[0], 3, text, &fault));
	cr_expect_eq(strlen(text), FINGERPRINT_SIZE - 1);
	cr_expect_eq(remove_at_first("ca3"), 0);
	OK(read_fingerprint(stores[0], layouts[0], 3, text, &fault));
	cr_expect_str_eq(text, "");
	OK(read_fingerprint(stores[0], layouts[0], 2, text, &fault));
	cr_expect_eq(strlen(text), FINGERPRINT_SIZE - 1);
}

/* Who can write the record, and has not the key of the store. */
Test(store_key_change, hands_nothing_to_a_key_that_was_put_into_the_record)
{
	static const char *const changes[] = {
		/* of another front end, or of nobody */
		"UPDATE front_end SET public_key = (SELECT f.public_key FROM front_end f WHERE "
		"f.id "
		"= 3) WHERE id = 2",
		"UPDATE front_end SET public_key = (SELECT checked_heads FROM state) WHERE id = 2",
	};
	size_t left;

	for (size_t i = 0; i < COUNT_OF(changes); i++) {
		char before[KEY_ID_SIZE];
		char after[KEY_ID_SIZE];

		find_kid(0, before);
		run_foreign_sql(scratch.path, changes[i]);
		REFUSED(remove_front_end(stores[0], layouts[0], "ca4", 1000, &left, &fault),
			FAULT_UNDECRYPTABLE, "the public half of front end 2");
		SAID("run certpool check on that host");
		find_kid(0, after);
		cr_expect_str_eq(after, before);
		/* The front end itself puts its own back. */
		OK(take_client_keys(stores[1], layouts[1], &fault));
	}
	cr_expect_eq(remove_at_first("ca4"), 0);
}

Test(store_key_change, puts_the_keys_of_issuers_under_the_new_key)
{
	CLEANUP(end_transaction) struct transaction transaction = {0};
	CLEANUP(clear_shared_key) struct shared_key key = {0};
	CLEANUP(clear_buffer) struct buffer sealed = {0};
	CLEANUP(clear_secret) struct secret pem = {0};
	char context[ISSUER_KEY_CONTEXT_SIZE];

	name_issuer_key(2, context);
	OK(begin_transaction(stores[0], TRANSACTION_WRITE, &transaction, &fault));
	OK(need_store_key(layouts[0], &transaction, &key, &fault));
	OK(seal_under_key(&key, context, bytes_of_string("a key"), &sealed, &fault));
	OK(run_statement(&transaction, "INSERT INTO issuer_key (issuer, sealed) VALUES (2, ?1)",
			 VALUES(octets_value(sealed.data, sealed.len)), NULL, &fault));
	OK(commit_transaction(&transaction, &fault));
	cr_expect_eq(remove_at_first("ca3"), 0);
	OK(read_issuer_key(stores[1], layouts[1], 2, &pem, &fault));
	cr_expect_str_eq((const char *)pem.data, "a key");
	clear_secret(&pem);
	REFUSED(read_issuer_key(stores[1], layouts[1], 3, &pem, &fault), FAULT_NOT_FOUND,
		"has no key of issuer 3");
	/* The key of one issuer is not taken for another's. */
	run_foreign_sql(scratch.path, "UPDATE issuer_key SET issuer = 3");
	REFUSED(read_issuer_key(stores[1], layouts[1], 3, &pem, &fault), FAULT_UNDECRYPTABLE,
		"the key of issuer 3: cannot be decrypted");
}

Test(store_key_change, is_in_the_log)
{
	struct audit_verdict before;
	struct audit_verdict after;

	OK(verify_audit(stores[0], &before, &fault));
	cr_expect_eq(remove_at_first("ca3"), 0);
	OK(verify_audit(stores[0], &after, &fault));
	cr_expect(!after.verdict.invalid, "%s", after.verdict.reason);
	cr_expect_eq(after.all_lines, before.all_lines + 2);
}
