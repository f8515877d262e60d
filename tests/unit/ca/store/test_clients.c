#include "common/ca/store/clients.h"

#include "common/ca/store/audit.h"
#include "common/ca/store/barred.h"
#include "common/ca/store/revoke.h"
#include "common/ca/store/statement.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct ca_fixture fixture;
static struct store *store;

/* The store of a CA whose record has the clients of the fixture's manifest. */
static void set_up(void)
{
	make_ca(&fixture, NOW_S);
	store = authority_store(fixture.authority);
}

static void tear_down(void)
{
	remove_ca(&fixture);
}

TestSuite(clients, .init = set_up, .fini = tear_down);

static struct client find_one(const char *name)
{
	struct client record = {0};
	bool found = false;

	OK(read_client(store, name, &record, &found, &fault));
	cr_assert(found, "%s", name);
	return record;
}

/* A client with the policy of `strict`. */
static struct client like_strict(const char *name)
{
	struct client record = find_one("strict");

	(void)snprintf(record.name, sizeof(record.name), "%s", name);
	return record;
}

Test(clients, refuses_impossible_changes)
{
	CLEANUP(clear_client) struct client there = like_strict("client1");
	CLEANUP(clear_client) struct client new = like_strict("new");
	struct fault faults[4] = {0};
	bool changed = true;

	cr_expect_eq(write_client(store, &there, CLIENT_ADD, NOW_S, &faults[0]), -1);
	expect_fault(&faults[0], FAULT_REFUSED, "has a client \"client1\" already: to change it");
	cr_expect_eq(write_client(store, &new, CLIENT_CHANGE, NOW_S, &faults[1]), -1);
	expect_fault(&faults[1], FAULT_NOT_FOUND, "has no client \"new\"");
	cr_expect_eq(set_client_disabled(store, "new", true, NOW_S, &changed, &faults[2]), -1);
	expect_fault(&faults[2], FAULT_NOT_FOUND, "has no client \"new\"");
	new.policy.certificates = 0;
	cr_expect_eq(write_client(store, &new, CLIENT_ADD, NOW_S, &faults[3]), -1);
	expect_fault(&faults[3], FAULT_USAGE, "certificates");
	cr_expect(changed);
}

Test(clients, keeps_a_policy_as_it_was_written)
{
	CLEANUP(clear_client) struct client new = like_strict("new");
	CLEANUP(clear_client) struct client found = {0};
	char dns[] = "DNS:{client}.example";
	char uri[] = "URI:urn:a,b";
	char email[] = "email:x@example.org";
	char *names[] = {dns, uri, email};

	OK(set_policy_alt_names(&new.policy, names, COUNT_OF(names), &fault));
	new.policy.validity_s = 3600;
	new.policy.requests_per_minute = 7;
	new.by_hand = FIELD_BIT(POLICY_VALIDITY) | FIELD_BIT(POLICY_REQUESTS_PER_MINUTE);
	new.pool_size = 3;
	OK(write_client(store, &new, CLIENT_ADD, NOW_S, &fault));
	found = find_one("new");
	cr_expect(equal_client_policies(&found.policy, &new.policy));
	cr_expect_eq(found.by_hand, new.by_hand);
	cr_expect_eq(found.pool_size, 3);
	cr_expect(!found.disabled && !found.revoked);
}

Test(clients, are_not_found_when_unknown)
{
	struct client record = {0};
	bool found = true;

	OK(read_client(store, "nobody", &record, &found, &fault));
	cr_expect(!found);
}

Test(clients, follows_the_manifest_until_it_is_changed_by_hand)
{
	CLEANUP(clear_client) struct client by_hand = find_one("client2");
	CLEANUP(clear_client) struct client few = {0};
	CLEANUP(clear_client) struct client client2 = {0};
	struct clients_synced synced = {.added = 9, .changed = 9, .kept = 9};

	OK(sync_clients(store, fixture.manifest, NOW_S, &synced, &fault));
	cr_expect_eq(synced.added + synced.changed + synced.kept, 0, "nothing to do");
	by_hand.policy.certificates = 5;
	by_hand.by_hand = FIELD_BIT(POLICY_CERTIFICATES);
	OK(write_client(store, &by_hand, CLIENT_CHANGE, NOW_S, &fault));
	for (size_t i = 0; i < fixture.manifest->client_count; i++)
		if (strcmp(fixture.manifest->clients[i].name, "few") == 0)
			fixture.manifest->clients[i].policy.certificates = 4;
	OK(sync_clients(store, fixture.manifest, NOW_S, &synced, &fault));
	cr_expect_eq(synced.added, 0);
	cr_expect_eq(synced.changed, 1);
	cr_expect_eq(synced.kept, 1);
	few = find_one("few");
	cr_expect_eq(few.policy.certificates, 4);
	client2 = find_one("client2");
	cr_expect_eq(client2.policy.certificates, 5);
}

/* Takes the client out of the manifest, whose last client takes its place. */
static struct client_node take_out(const char *name)
{
	struct client_node *clients = fixture.manifest->clients;
	struct client_node taken;
	size_t i = 0;

	while (strcmp(clients[i].name, name) != 0)
		i++;
	taken = clients[i];
	clients[i] = clients[--fixture.manifest->client_count];
	return taken;
}

static void put_back(const struct client_node *node)
{
	fixture.manifest->clients[fixture.manifest->client_count++] = *node;
}

static struct clients_synced sync(void)
{
	struct clients_synced synced = {0};

	OK(sync_clients(store, fixture.manifest, NOW_S, &synced, &fault));
	return synced;
}

static bool is_disabled(const char *name)
{
	CLEANUP(clear_client) struct client record = find_one(name);

	return record.disabled;
}

/* One number that the operator set does not freeze the others. */
Test(clients, follow_the_manifest_in_each_field_that_nobody_set)
{
	CLEANUP(clear_client) struct client set = find_one("few");
	CLEANUP(clear_client) struct client found = {0};
	struct clients_synced synced = {0};
	struct client_policy *policy = NULL;

	set.policy.requests_per_minute = 7;
	set.by_hand = FIELD_BIT(POLICY_REQUESTS_PER_MINUTE);
	OK(write_client(store, &set, CLIENT_CHANGE, NOW_S, &fault));
	for (size_t i = 0; i < fixture.manifest->client_count; i++)
		if (strcmp(fixture.manifest->clients[i].name, "few") == 0)
			policy = &fixture.manifest->clients[i].policy;
	cr_assert(policy != NULL);
	policy->certificates = 77;
	policy->requests_per_minute = 8;
	OK(set_policy_subject(policy, "CN=other", &fault));
	OK(sync_clients(store, fixture.manifest, NOW_S, &synced, &fault));
	cr_expect_eq(synced.changed, 1);
	cr_expect_eq(synced.kept, 1);
	found = find_one("few");
	cr_expect_eq(found.policy.certificates, 77);
	cr_expect_str_eq(found.policy.subject, "CN=other");
	cr_expect_eq(found.policy.requests_per_minute, 7, "the operator's");
}

Test(clients, have_a_quota_that_follows_the_size_unless_the_manifest_gives_one)
{
	CLEANUP(clear_client) struct client client2 = find_one("client2");
	CLEANUP(clear_client) struct client found = {0};
	CLEANUP(clear_client_policy) struct client_policy alone = {0};
	struct clients_synced synced;

	client2.pool_size = 500;
	OK(write_client(store, &client2, CLIENT_CHANGE, NOW_S, &fault));
	OK(sync_clients(store, fixture.manifest, NOW_S, &synced, &fault));
	found = find_one("client2");
	cr_expect_eq(found.policy.certificates, 5000);
	OK(initial_client_policy(fixture.manifest, "nowhere", 30, &alone, &fault));
	cr_expect_eq(alone.certificates, 300);
	for (size_t i = 0; i < fixture.manifest->client_count; i++)
		fixture.manifest->clients[i].has_quota = true;
	clear_client_policy(&alone);
	OK(initial_client_policy(fixture.manifest, "client2", 500, &alone, &fault));
	cr_expect_neq(alone.certificates, 5000, "the manifest's own");
}

Test(clients, are_added_all_or_none)
{
	struct client both[] = {like_strict("new1"), like_strict("client1"), like_strict("new2")};
	struct client record = {0};
	size_t failed = 0;
	bool found = true;

	REFUSED(add_clients(store, both, COUNT_OF(both), NOW_S, &failed, &fault), FAULT_REFUSED,
		"has a client \"client1\" already");
	cr_expect_eq(failed, 1);
	OK(read_client(store, "new1", &record, &found, &fault));
	cr_expect(!found);
	(void)snprintf(both[1].name, sizeof(both[1].name), "new3");
	OK(add_clients(store, both, COUNT_OF(both), NOW_S, &failed, &fault));
	for (size_t i = 0; i < COUNT_OF(both); i++)
		clear_client(&both[i]);
	record = find_one("new2");
	cr_expect_eq(record.origin, ORIGIN_OPERATOR);
	clear_client(&record);
}

/* The row stays: a restore from an older backup has to know the name. */
Test(clients, that_were_removed_are_barred_and_begin_anew)
{
	CLEANUP(clear_buffer) struct buffer barred = {0};
	CLEANUP(clear_client) struct client again = like_strict("client2");
	struct client record = {0};
	struct client_node taken;
	bool found = true;
	bool changed = false;

	OK(remove_client(store, "client2", NOW_S, &changed, &fault));
	cr_expect(changed);
	OK(remove_client(store, "client2", NOW_S, &changed, &fault));
	cr_expect_not(changed, "it was removed before");
	REFUSED(remove_client(store, "nobody", NOW_S, &changed, &fault), FAULT_NOT_FOUND,
		"has no client \"nobody\"");
	OK(read_client(store, "client2", &record, &found, &fault));
	cr_expect(!found);
	OK(list_barred(store, &barred, &fault));
	cr_expect_str_eq((const char *)barred.data, "client2\n");
	taken = take_out("client2");
	cr_expect_eq(sync().disabled, 0);
	OK(write_client(store, &again, CLIENT_ADD, NOW_S, &fault));
	record = find_one("client2");
	cr_expect(!record.disabled);
	clear_client(&record);
	OK(remove_client(store, "client2", NOW_S, &changed, &fault));
	put_back(&taken);
	cr_expect_eq(sync().added, 1, "the manifest adds it anew");
	cr_expect(!is_disabled("client2"));
}

Test(clients, that_were_revoked_and_removed_never_come_back)
{
	const struct revocation revocation = {.client = "client2", .by = "ca", .now_s = NOW_S};
	CLEANUP(clear_client) struct client again = like_strict("client2");
	struct revocation_summary summary;
	struct client record = {0};
	bool found = true;
	bool changed;

	OK(revoke_certificates(store, &revocation, NULL, NULL, &summary, &fault));
	OK(remove_client(store, "client2", NOW_S, &changed, &fault));
	REFUSED(write_client(store, &again, CLIENT_ADD, NOW_S, &fault), FAULT_REFUSED,
		"was revoked, which is for good");
	cr_expect_eq(sync().added, 0);
	OK(read_client(store, "client2", &record, &found, &fault));
	cr_expect(!found);
}

/* catalogue 117 */
Test(clients, is_disabled_once_the_manifest_lacks_it)
{
	struct client_node taken = take_out("client2");
	struct clients_synced synced = sync();
	bool changed = false;

	cr_expect_eq(synced.disabled, 1);
	cr_expect(is_disabled("client2"));
	cr_expect(!is_disabled("client1"));
	synced = sync();
	cr_expect_eq(synced.disabled, 0, "it is already");
	/* The operator decides otherwise. */
	OK(set_client_disabled(store, "client2", false, NOW_S, &changed, &fault));
	synced = sync();
	cr_expect_eq(synced.disabled, 0);
	cr_expect(!is_disabled("client2"));
	/* And it is a client of the manifest again when that has it. */
	put_back(&taken);
	synced = sync();
	cr_expect_eq(synced.returned, 0);
	taken = take_out("client2");
	synced = sync();
	cr_expect_eq(synced.disabled, 1);
	put_back(&taken);
	synced = sync();
	cr_expect_eq(synced.returned, 1);
	cr_expect(is_disabled("client2"), "until client enable");
}

/* catalogue 117 */
Test(clients, comes_from_where_it_came_from_after_it_was_set)
{
	CLEANUP(clear_client) struct client set = find_one("client2");
	CLEANUP(clear_client) struct client added = like_strict("added");
	struct client_node taken;
	struct clients_synced synced;

	set.policy.certificates = 5;
	OK(write_client(store, &set, CLIENT_CHANGE, NOW_S, &fault));
	OK(write_client(store, &added, CLIENT_ADD, NOW_S, &fault));
	OK(write_client(store, &added, CLIENT_CHANGE, NOW_S, &fault));
	taken = take_out("client2");
	synced = sync();
	cr_expect_eq(synced.disabled, 1);
	cr_expect(is_disabled("client2"));
	cr_expect(!is_disabled("added"));
	put_back(&taken);
}

/* A record of an older certpool does not say where a client came from that was set or added. */
Test(clients, of_an_older_record_is_the_manifests_if_the_manifest_has_it)
{
	CLEANUP(clear_client) struct client added = like_strict("added");
	CLEANUP(end_transaction) struct transaction transaction = {0};
	struct client_node taken;
	struct clients_synced synced;

	OK(write_client(store, &added, CLIENT_ADD, NOW_S, &fault));
	OK(begin_transaction(store, TRANSACTION_WRITE, &transaction, &fault));
	OK(run_statement(&transaction,
			 "UPDATE client SET origin = NULL WHERE name IN ('client2', 'added')",
			 NO_VALUES, NULL, &fault));
	OK(commit_transaction(&transaction, &fault));
	synced = sync();
	cr_expect_eq(synced.disabled, 0);
	taken = take_out("client2");
	synced = sync();
	cr_expect_eq(synced.disabled, 1);
	cr_expect(is_disabled("client2"));
	cr_expect(!is_disabled("added"));
	put_back(&taken);
}

Test(clients, is_disabled_and_enabled_again_but_not_after_a_revocation)
{
	const struct revocation revocation = {.client = "client1", .by = "ca", .now_s = NOW_S};
	CLEANUP(clear_client) struct client record = {0};
	struct revocation_summary summary;
	bool changed = false;

	OK(set_client_disabled(store, "client1", true, NOW_S, &changed, &fault));
	cr_expect(changed);
	OK(set_client_disabled(store, "client1", true, NOW_S, &changed, &fault));
	cr_expect(!changed);
	OK(set_client_disabled(store, "client1", false, NOW_S, &changed, &fault));
	cr_expect(changed);
	OK(revoke_certificates(store, &revocation, NULL, NULL, &summary, &fault));
	REFUSED(set_client_disabled(store, "client1", false, NOW_S, &changed, &fault),
		FAULT_REFUSED, "\"client1\" was revoked, which is for good");
	record = find_one("client1");
	cr_expect(record.revoked);
	cr_expect_eq(record.revoked_at_s, NOW_S);
}

static int note_name(void *context, const struct client *record, struct fault *fault)
{
	(void)fault;
	append_format(context, "%s ", record->name);
	return 0;
}

Test(clients, are_listed_by_name)
{
	CLEANUP(clear_buffer) struct buffer names = {0};

	OK(list_clients(store, note_name, &names, &fault));
	cr_expect_str_eq((const char *)names.data,
			 "client1 client2 client3 few spaced strict web ");
}

/* Rows that another program wrote. */
Test(clients, refuses_a_row_that_is_no_policy)
{
	static const struct {
		const char *sql;
		const char *reason;
	} rows[] = {
		{"UPDATE client SET keys = 'rot13' WHERE name = 'few'", "client few: "},
		{"UPDATE client SET subject = '' WHERE name = 'few'", "client few: subject"},
		{"UPDATE client SET certificates = -1 WHERE name = 'few'", "client few: "},
		{"UPDATE client SET alt_names = 'XMPP:a' WHERE name = 'few'", "client few: "},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct client record = {0};
		bool found;

		tear_down();
		set_up();
		run_foreign_sql(fixture.store_path, rows[i].sql);
		REFUSED(read_client(store, "few", &record, &found, &fault), FAULT_USAGE,
			rows[i].reason);
	}
}

Test(clients, have_their_changes_in_the_audit_log)
{
	struct audit_verdict before;
	struct audit_verdict after;
	bool changed;

	OK(verify_audit(store, &before, &fault));
	OK(set_client_disabled(store, "few", true, NOW_S, &changed, &fault));
	OK(set_client_disabled(store, "few", true, NOW_S, &changed, &fault));
	OK(verify_audit(store, &after, &fault));
	cr_expect(!after.verdict.invalid, "%s", after.verdict.reason);
	cr_expect_eq(after.lines, before.lines + 1, "what changes nothing is no event");
}
