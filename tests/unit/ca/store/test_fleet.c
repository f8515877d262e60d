#include "common/ca/store/fleet.h"

#include "common/ca/store/audit.h"
#include "common/ca/store/revoke.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { HOUR_S = 3600 };

static struct ca_fixture fixture;
static struct store *store;

static void set_up(void)
{
	make_ca(&fixture, NOW_S);
	store = authority_store(fixture.authority);
}

static void tear_down(void)
{
	remove_ca(&fixture);
}

TestSuite(fleet, .init = set_up, .fini = tear_down);

static void add_certificate(int number, const char *client, const char *member, int64_t ends_s)
{
	char sql[512];

	(void)snprintf(sql, sizeof(sql),
		       "INSERT INTO certificate (serial, key_sha256, client, member, subject, "
		       "issued_at, not_before, not_after, der) VALUES (randomblob(20), "
		       "randomblob(32), '%s', '%s', 'CN=%d', %jd, %jd, %jd, x'00')",
		       client, member, number, (intmax_t)NOW_S, (intmax_t)NOW_S, (intmax_t)ends_s);
	run_foreign_sql(fixture.store_path, sql);
}

/* What the listing says of one client. */
struct wanted {
	const char *name;
	struct fleet_row row;
	bool found;
};

static int look_for(void *context, struct fleet_row *row, struct fault *fault)
{
	struct wanted *wanted = context;

	(void)fault;
	if (strcmp(row->client.name, wanted->name) != 0)
		return 0;
	wanted->found = true;
	wanted->row = *row;
	row->client = (struct client){0};
	return 0;
}

static struct fleet_row find_row(const char *name)
{
	struct wanted wanted = {.name = name};

	OK(list_fleet(store, NOW_S, look_for, &wanted, NULL, &fault));
	cr_assert(wanted.found, "%s", name);
	return wanted.row;
}

/* A member that was renewed ends when its newest certificate does. */
Test(fleet, says_what_each_client_has)
{
	struct fleet_row row;

	add_certificate(1, "client1", "key1", NOW_S + DAY_S);
	add_certificate(2, "client1", "key1", NOW_S + 90 * DAY_S);
	add_certificate(3, "client1", "key2", NOW_S + 30 * DAY_S);
	add_certificate(4, "client1", "key3", NOW_S - DAY_S);
	add_certificate(5, "client1", "key4", NOW_S + DAY_S);
	run_foreign_sql(fixture.store_path,
			"UPDATE certificate SET revoked_at = 1, reason = 0 WHERE member = 'key4'");
	run_foreign_sql(fixture.store_path,
			"UPDATE certificate SET issuer = 2 WHERE member = 'key2'");
	run_foreign_sql(fixture.store_path,
			"UPDATE certificate SET issuer = 3 WHERE member IN ('key3', 'key4')");
	row = find_row("client1");
	cr_expect_eq(row.holding.valid, 3);
	cr_expect_eq(row.holding.members, 2);
	cr_expect_eq(row.holding.revoked, 1);
	cr_expect_eq(row.holding.first_end_s, NOW_S + 30 * DAY_S);
	cr_expect_eq(row.holding.oldest_issuer, 1);
	cr_expect_eq(row.holding.newest_issuer, 2, "neither an expired nor a revoked one counts");
	clear_client(&row.client);
	row = find_row("client2");
	cr_expect_eq(row.holding.valid, 0);
	cr_expect_eq(row.holding.first_end_s, 0);
	cr_expect_eq(row.holding.newest_issuer, 0);
	clear_client(&row.client);
}

/* --- the same by hand --- */

/* Names whose order by octets is none of a dictionary's. */
static const char *const holders[] = {"B", "a", "a-1", "a1", "a_1", CA_NAME, "gone", "z"};
static const char *const listed[] = {"0none", "B", "a", "a-1", "a1", "a_1", "none", "z"};
enum { RECORDS = 120, ROUNDS = 3 };

static int64_t draw(uint64_t *state, int64_t below)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (int64_t)((*state >> 33) % (uint64_t)below);
}

/* Ends lie at the borders of weeks and elsewhere, before now and after the last week. */
static void draw_record(struct issued_certificate *record, uint32_t number, uint64_t *state)
{
	make_record(record, holders[draw(state, COUNT_OF(holders))], number);
	(void)snprintf(record->member, sizeof(record->member), "key%d", (int)draw(state, 4));
	record->not_after_s = NOW_S + (draw(state, TALLY_WEEKS + 6) - 3) * WEEK_S + draw(state, 3) -
			      1 + draw(state, 2) * draw(state, WEEK_S);
	record->issuer = (unsigned int)(1 + draw(state, 3));
	record->revoked = draw(state, 4) == 0;
	record->revoked_at_s = record->revoked ? NOW_S - 1 : 0;
}

static bool is_valid(const struct issued_certificate *record)
{
	return !record->revoked && record->not_after_s >= NOW_S;
}

/* Whether the client's member has a valid certificate that ends later, or as late and is behind. */
static bool is_superseded(const struct issued_certificate *records, size_t count, size_t i)
{
	for (size_t k = 0; k < count; k++)
		if (is_valid(&records[k]) && strcmp(records[k].client, records[i].client) == 0 &&
		    strcmp(records[k].member, records[i].member) == 0 &&
		    (records[k].not_after_s > records[i].not_after_s ||
		     (records[k].not_after_s == records[i].not_after_s && k > i)))
			return true;
	return false;
}

static void expect_holding(const struct fleet_row *row, const struct issued_certificate *records,
			   size_t count)
{
	struct holding expected = {0};
	const struct holding *found = &row->holding;

	for (size_t i = 0; i < count; i++) {
		const struct issued_certificate *each = &records[i];

		if (strcmp(each->client, row->client.name) != 0)
			continue;
		expected.revoked += each->revoked;
		if (!is_valid(each))
			continue;
		if (expected.valid++ == 0 || each->issuer < expected.oldest_issuer)
			expected.oldest_issuer = each->issuer;
		if (each->issuer > expected.newest_issuer)
			expected.newest_issuer = each->issuer;
		if (is_superseded(records, count, i))
			continue;
		if (expected.members++ == 0 || each->not_after_s < expected.first_end_s)
			expected.first_end_s = each->not_after_s;
	}
	cr_expect_eq(found->valid, expected.valid, "%s", row->client.name);
	cr_expect_eq(found->revoked, expected.revoked, "%s", row->client.name);
	cr_expect_eq(found->members, expected.members, "%s", row->client.name);
	cr_expect_eq(found->first_end_s, expected.first_end_s, "%s", row->client.name);
	cr_expect_eq(found->oldest_issuer, expected.oldest_issuer, "%s", row->client.name);
	cr_expect_eq(found->newest_issuer, expected.newest_issuer, "%s", row->client.name);
}

static void expect_tally(const struct record_tally *tally, const struct issued_certificate *records,
			 size_t count)
{
	struct record_tally expected = {0};
	struct store_summary *summary = &expected.summary;

	for (size_t i = 0; i < count; i++) {
		const struct issued_certificate *each = &records[i];
		int64_t week = 0;

		summary->certificates++;
		summary->revoked += each->revoked;
		summary->expired += !each->revoked && each->not_after_s < NOW_S;
		expected.issuers[each->issuer].certificates++;
		if (!is_valid(each))
			continue;
		while (week < TALLY_WEEKS && each->not_after_s >= NOW_S + (week + 1) * WEEK_S)
			week++;
		expected.ends[week]++;
		expected.issuers[each->issuer].valid++;
		summary->valid++;
		if (strcmp(each->client, CA_NAME) != 0 &&
		    (summary->first_expiry_s == 0 || each->not_after_s < summary->first_expiry_s))
			summary->first_expiry_s = each->not_after_s;
	}
	cr_expect_eq(tally->summary.certificates, summary->certificates);
	cr_expect_eq(tally->summary.valid, summary->valid);
	cr_expect_eq(tally->summary.expired, summary->expired);
	cr_expect_eq(tally->summary.revoked, summary->revoked);
	cr_expect_eq(tally->summary.first_expiry_s, summary->first_expiry_s);
	cr_expect_arr_eq(tally->ends, expected.ends, sizeof(expected.ends));
	cr_expect_arr_eq(tally->issuers, expected.issuers, sizeof(expected.issuers));
}

struct by_hand {
	const struct issued_certificate *records;
	size_t count;
	size_t listed;
};

static int compare_row(void *context, struct fleet_row *row, struct fault *fault)
{
	struct by_hand *by_hand = context;

	(void)fault;
	cr_assert_lt(by_hand->listed, COUNT_OF(listed));
	cr_expect_str_eq(row->client.name, listed[by_hand->listed++]);
	expect_holding(row, by_hand->records, by_hand->count);
	return 0;
}

/* In a record that grows, of any driver's. */
Test(fleet, counts_what_one_counts_by_hand)
{
	struct scratch_store scratch;
	struct issued_certificate records[ROUNDS * RECORDS];
	enum insert_result results[RECORDS];
	struct record_tally tally;
	uint64_t state = 1;
	struct store *own;

	make_scratch_store(&scratch);
	own = open_scratch_store(&scratch);
	for (size_t i = 0; i < COUNT_OF(listed); i++) {
		CLEANUP(clear_client) struct client client = {0};

		(void)snprintf(client.name, sizeof(client.name), "%s", listed[i]);
		OK(default_client_policy(&client.policy, &fault));
		OK(write_client(own, &client, CLIENT_ADD, NOW_S, &fault));
	}
	for (size_t round = 0; round <= ROUNDS; round++) {
		struct by_hand by_hand = {.records = records, .count = round * RECORDS};

		OK(list_fleet(own, NOW_S, compare_row, &by_hand, &tally, &fault));
		cr_expect_eq(by_hand.listed, COUNT_OF(listed));
		expect_tally(&tally, records, by_hand.count);
		if (round == ROUNDS)
			break;
		for (size_t i = 0; i < RECORDS; i++)
			draw_record(&records[by_hand.count + i], (uint32_t)(by_hand.count + i),
				    &state);
		OK(store_records(own, &records[by_hand.count], RECORDS, ROUNDS * RECORDS, results,
				 &fault));
	}
	for (size_t i = 0; i < COUNT_OF(records); i++)
		clear_issued_certificate(&records[i]);
	free_store(&own);
	remove_scratch_store(&scratch);
}

static int64_t note(const char *client, int64_t now_s)
{
	int64_t ended_s = -1;

	const struct sighting sighting = {.client = client, .kid = "other", .now_s = now_s};
	enum presence presence;

	OK(note_presence(store, &sighting, &presence, &ended_s, &fault));
	cr_expect_eq(presence == INVITATION_ENDED, ended_s != 0);
	return ended_s;
}

static struct client find_client_of(const char *name)
{
	return find_row(name).client;
}

Test(fleet, joins_once_and_is_seen_once_an_hour)
{
	struct client client;
	struct audit_verdict before;
	struct audit_verdict after;

	OK(verify_audit(store, &before, &fault));
	cr_expect_eq(note("client1", NOW_S), 0);
	cr_expect_eq(note("client1", NOW_S + HOUR_S - 1), 0);
	client = find_client_of("client1");
	cr_expect_eq(client.joined_at_s, NOW_S);
	cr_expect_eq(client.seen_at_s, NOW_S, "not before an hour is over");
	clear_client(&client);
	cr_expect_eq(note("client1", NOW_S + HOUR_S), 0);
	client = find_client_of("client1");
	cr_expect_eq(client.joined_at_s, NOW_S);
	cr_expect_eq(client.seen_at_s, NOW_S + HOUR_S);
	clear_client(&client);
	OK(verify_audit(store, &after, &fault));
	cr_expect_eq(after.lines - before.lines, 1, "one event");
	cr_expect_eq(note("nobody", NOW_S), 0);
}

static int invite(const char *client, int64_t ends_s, const char *kid, struct fault *fault)
{
	const struct invitation_note note = {
		.client = client, .now_s = NOW_S, .ends_s = ends_s, .kid = kid};

	return note_invitation(store, &note, fault);
}

Test(fleet, lets_nobody_join_by_an_invitation_that_ended)
{
	struct client client;

	OK(invite("client1", NOW_S + DAY_S, NULL, &fault));
	OK(invite("client2", NOW_S + DAY_S, NULL, &fault));
	cr_expect_eq(note("client1", NOW_S + DAY_S), NOW_S + DAY_S);
	client = find_client_of("client1");
	cr_expect_eq(client.joined_at_s, 0);
	clear_client(&client);
	cr_expect_eq(note("client2", NOW_S + DAY_S - 1), 0);
	cr_expect_eq(note("client2", NOW_S + 2 * DAY_S), 0, "who came in time is in");
	REFUSED(invite("nobody", 0, NULL, &fault), FAULT_NOT_FOUND, "no client");
}

Test(fleet, takes_an_invitation_back_until_somebody_came)
{
	struct client client;

	REFUSED(withdraw_invitation(store, "client1", NOW_S, &fault), FAULT_NOT_FOUND,
		"client1 has no invitation: certpool client invitations");
	REFUSED(end_invitation(store, "client1", NOW_S, &fault), FAULT_NOT_FOUND,
		"client1 has no invitation");
	OK(invite("client1", 0, NULL, &fault));
	OK(end_invitation(store, "client1", NOW_S, &fault));
	cr_expect_eq(note("client1", NOW_S), NOW_S, "nobody joins while it is withdrawn");
	OK(withdraw_invitation(store, "client1", NOW_S, &fault));
	client = find_client_of("client1");
	cr_expect_eq(client.invited_at_s, 0);
	clear_client(&client);
	OK(invite("client1", 0, NULL, &fault));
	cr_expect_eq(note("client1", NOW_S), 0);
	REFUSED(end_invitation(store, "client1", NOW_S, &fault), FAULT_REFUSED,
		"client1 has joined already");
	REFUSED(withdraw_invitation(store, "client1", NOW_S, &fault), FAULT_REFUSED,
		"client1 has joined already");
	REFUSED(withdraw_invitation(store, "nobody", NOW_S, &fault), FAULT_NOT_FOUND, "no client");
}

/* The key in it is for one question, and then for none. */
Test(fleet, lets_one_join_by_an_invitation_that_counts_once)
{
	static const struct {
		const char *kid;
		bool asks_key;
		enum presence presence;
	} steps[] = {
		{"once", false, INVITATION_NOT_CLAIMED}, {"once", true, PRESENCE_NOTED},
		{"once", true, INVITATION_USED},         {"once", false, INVITATION_USED},
		{"successor", true, PRESENCE_NOTED},     {"successor", false, PRESENCE_NOTED},
		{"once", true, INVITATION_USED},
	};

	OK(invite("client1", 0, "once", &fault));
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		/* A later invitation of another key leaves it refused. */
		if (i == COUNT_OF(steps) - 1)
			OK(invite("client1", 0, NULL, &fault));
		const struct sighting sighting = {.client = "client1",
						  .kid = steps[i].kid,
						  .asks_key = steps[i].asks_key,
						  .now_s = NOW_S + 1};
		enum presence presence;
		int64_t time_s;

		OK(note_presence(store, &sighting, &presence, &time_s, &fault));
		cr_expect_eq(presence, steps[i].presence, "step %zu", i);
		cr_expect_eq(time_s, presence == INVITATION_USED ? NOW_S + 1 : 0);
	}
}
