#include "common/ca/acme/accounts.h"

#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct ca_fixture fixture;

static void set_up(void)
{
	make_ca(&fixture, NOW_S);
}

static void tear_down(void)
{
	remove_ca(&fixture);
}

TestSuite(accounts, .init = set_up, .fini = tear_down);

static struct store *store(void)
{
	return authority_store(fixture.authority);
}

/* An account of the client with a fresh key. */
static struct acme_account make_account(const char *client, bool *ret_added)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	struct acme_account account = {.contact = strdup("mailto:a@example.org\n")};

	cr_assert_not_null(account.contact);
	memcpy(account.client, client, strlen(client) + 1);
	OK(get_public_key(key, &account.key, &fault));
	OK(add_account(store(), &account, NOW_S, ret_added, &fault));
	return account;
}

Test(accounts, are_found_by_id_and_by_key)
{
	bool added;
	CLEANUP(clear_acme_account) struct acme_account account = make_account("client1", &added);
	CLEANUP(clear_acme_account) struct acme_account by_id = {0};
	CLEANUP(clear_acme_account) struct acme_account by_key = {0};
	CLEANUP(clear_acme_account) struct acme_account none = {0};
	const uint8_t other[ACCOUNT_ID_LEN] = {1};
	bool found;

	cr_assert(added);
	OK(find_account(store(), account.id, &by_id, &found, &fault));
	cr_assert(found);
	cr_expect_str_eq(by_id.client, "client1");
	cr_expect_str_eq(by_id.contact, "mailto:a@example.org\n");
	cr_expect(!by_id.deactivated && !by_id.barred);
	OK(find_account_by_key(store(), account.key, &by_key, &found, &fault));
	cr_assert(found);
	cr_expect_arr_eq(by_key.id, account.id, ACCOUNT_ID_LEN);
	OK(find_account(store(), other, &none, &found, &fault));
	cr_expect(!found);
}

Test(accounts, have_a_key_of_their_own)
{
	bool added;
	CLEANUP(clear_acme_account) struct acme_account account = make_account("client1", &added);
	struct acme_account again = account;

	cr_assert(added);
	OK(add_account(store(), &again, NOW_S, &added, &fault));
	cr_expect(!added);
}

/* RFC 8555 section 7.3.5: of two key changes at once one counts. */
Test(accounts, change_the_key_that_they_have_and_no_other)
{
	bool added;
	CLEANUP(clear_acme_account) struct acme_account account = make_account("client1", &added);
	CLEANUP(clear_acme_account) struct acme_account second = make_account("client1", &added);
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(free_private_key) struct private_key *other = make_key(KEY_ED25519);
	CLEANUP(free_public_key) struct public_key *next = NULL;
	CLEANUP(free_public_key) struct public_key *rival = NULL;
	CLEANUP(clear_acme_account) struct acme_account found = {0};
	bool changed;
	bool is_found;

	OK(get_public_key(key, &next, &fault));
	OK(get_public_key(other, &rival, &fault));
	OK(change_account_key(store(), &account, second.key, NOW_S, &changed, &fault));
	cr_expect(!changed);
	OK(change_account_key(store(), &account, next, NOW_S, &changed, &fault));
	cr_expect(changed);
	OK(change_account_key(store(), &account, rival, NOW_S, &changed, &fault));
	cr_expect(!changed);
	OK(find_account_by_key(store(), next, &found, &is_found, &fault));
	cr_assert(is_found);
	cr_expect_arr_eq(found.id, account.id, ACCOUNT_ID_LEN);
}

Test(accounts, end_with_their_client)
{
	bool added;
	CLEANUP(clear_acme_account) struct acme_account account = make_account("client1", &added);
	CLEANUP(clear_acme_account) struct acme_account barred = {0};
	CLEANUP(clear_acme_account) struct acme_account gone = {0};
	bool changed;
	bool found;

	OK(set_client_disabled(store(), "client1", true, NOW_S, &changed, &fault));
	OK(find_account(store(), account.id, &barred, &found, &fault));
	cr_expect(found && barred.barred);
	/* A client of the same name that is added later is somebody else. */
	OK(remove_client(store(), "client1", NOW_S, &changed, &fault));
	OK(find_account(store(), account.id, &gone, &found, &fault));
	cr_expect(!found);
}

Test(accounts, are_deactivated_for_good)
{
	bool added;
	CLEANUP(clear_acme_account) struct acme_account account = make_account("client1", &added);
	CLEANUP(clear_acme_account) struct acme_account found = {0};
	bool changed;
	bool is_found;

	OK(deactivate_account(store(), &account, account.client, NOW_S, NULL, &fault));
	OK(find_account(store(), account.id, &found, &is_found, &fault));
	cr_expect(is_found && found.deactivated);
	OK(set_account_contact(store(), &account, "mailto:b@example.org\n", NOW_S, &fault));
	OK(change_account_key(store(), &account, account.key, NOW_S, &changed, &fault));
	cr_expect(!changed);
	clear_acme_account(&found);
	OK(find_account(store(), account.id, &found, &is_found, &fault));
	cr_expect_str_eq(found.contact, "mailto:a@example.org\n");
}
