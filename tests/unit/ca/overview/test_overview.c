#include "common/ca/overview/overview.h"

#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

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

TestSuite(overview, .init = set_up, .fini = tear_down);

/* serial_hex is the beginning of a serial of 20 octets, the rest of which is 0. */
static void add_certificate(const char *client, const char *serial_hex, int64_t ends_s)
{
	char sql[512];

	(void)snprintf(sql, sizeof(sql),
		       "INSERT INTO certificate (serial, key_sha256, client, member, subject, "
		       "issued_at, not_before, not_after, der) VALUES (x'%s%.*s', randomblob(32), "
		       "'%s', 'key', 'CN=x', %jd, %jd, %jd, x'00')",
		       serial_hex, 2 * SERIAL_MAX - (int)strlen(serial_hex),
		       "0000000000000000000000000000000000000000", client, (intmax_t)NOW_S,
		       (intmax_t)NOW_S, (intmax_t)ends_s);
	run_foreign_sql(fixture.store_path, sql);
}

static void read_now(struct overview *ret_overview)
{
	OK(read_overview(store, fixture.layout, fixture.manifest, NOW_S, NULL, ret_overview,
			 &fault));
}

/* A certificate is valid up to the second in which it ends, and counts in one week alone. */
Test(overview, counts_each_valid_certificate_in_the_week_in_which_it_ends)
{
	CLEANUP(clear_overview) struct overview overview = {0};
	size_t sum = 0;

	add_certificate("client1", "01", NOW_S - 1);
	add_certificate("client1", "02", NOW_S);
	add_certificate("client1", "03", NOW_S + WEEK_S - 1);
	add_certificate("client1", "04", NOW_S + WEEK_S);
	add_certificate("client2", "05", NOW_S + 2 * WEEK_S);
	add_certificate("client2", "06", NOW_S + TALLY_WEEKS * (int64_t)WEEK_S - 1);
	add_certificate("client2", "07", NOW_S + TALLY_WEEKS * (int64_t)WEEK_S);
	add_certificate("client2", "08", NOW_S + 1);
	run_foreign_sql(fixture.store_path, "UPDATE certificate SET revoked_at = 1, reason = 0 "
					    "WHERE substr(serial, 1, 1) = x'08'");
	read_now(&overview);
	cr_expect_eq(overview.tally.ends[0], 2);
	cr_expect_eq(overview.tally.ends[1], 1);
	cr_expect_eq(overview.tally.ends[2], 1);
	cr_expect_eq(overview.tally.ends[TALLY_WEEKS - 1], 1);
	cr_expect_eq(overview.tally.ends[TALLY_WEEKS], 1, "later");
	for (size_t i = 0; i <= TALLY_WEEKS; i++)
		sum += overview.tally.ends[i];
	cr_expect_eq(sum, overview.tally.summary.valid);
	cr_expect_eq(overview.ending_soon, 3, "within 14 days");
}

Test(overview, says_what_a_new_ca_has)
{
	CLEANUP(clear_overview) struct overview overview = {0};

	read_now(&overview);
	cr_expect_str_eq(overview.issuing_subject, "CN=Test Root");
	cr_expect_eq(overview.issuing_expiry_s, 0, "the root itself issues");
	cr_expect_gt(overview.root_expiry_s, NOW_S + 9 * 365 * DAY_S);
	cr_expect(!overview.root_crl_apart);
	cr_expect_str_eq(overview.next_root, "");
	cr_expect_eq(overview.issuer_count, 0, "one alone");
	cr_expect_eq(overview.front_end_count, 1);
	cr_expect_eq(overview.fleet.count, 7);
	cr_expect(overview.own_activity);
}

struct found {
	char serials[8][3]; /* their first octets */
	size_t count;
};

static int note_serial(void *context, const struct issued_certificate *certificate,
		       int64_t position, struct fault *fault)
{
	struct found *found = context;

	(void)position;
	(void)fault;
	(void)snprintf(found->serials[found->count++], 3, "%02x", certificate->serial[0]);
	return 0;
}

Test(overview, lists_the_newest_of_a_client_or_of_all)
{
	struct found found = {0};

	add_certificate("client1", "01", NOW_S + 1);
	add_certificate("client2", "02", NOW_S + 1);
	add_certificate("client1", "03", NOW_S + 1);
	OK(list_newest_certificates(store, NULL, 2, note_serial, &found, &fault));
	cr_assert_eq(found.count, 2);
	cr_expect_str_eq(found.serials[0], "03");
	cr_expect_str_eq(found.serials[1], "02");
	found = (struct found){0};
	OK(list_newest_certificates(store, "client1", 5, note_serial, &found, &fault));
	cr_assert_eq(found.count, 2);
	cr_expect_str_eq(found.serials[0], "03");
	cr_expect_str_eq(found.serials[1], "01");
}

Test(overview, finds_certificates_by_the_beginning_of_a_serial)
{
	static const uint8_t prefix[] = {0x12, 0x34};
	struct found found = {0};

	add_certificate("client1", "1233ffff", NOW_S + 1);
	add_certificate("client1", "1234", NOW_S + 1);
	add_certificate("client1", "1234ffffffffffffffffffffffffffffffffffff", NOW_S + 1);
	add_certificate("client1", "1235", NOW_S + 1);
	OK(list_by_serial_prefix(store, (struct bytes){prefix, 2}, 9, note_serial, &found, &fault));
	cr_expect_eq(found.count, 2);
	found = (struct found){0};
	OK(list_by_serial_prefix(store, (struct bytes){prefix, 1}, 3, note_serial, &found, &fault));
	cr_expect_eq(found.count, 3, "of four");
}

static int stop_at_once(void *context, const struct issued_certificate *certificate,
			int64_t position, struct fault *fault)
{
	size_t *calls = context;

	(void)certificate;
	(void)position;
	(*calls)++;
	return *calls == 1 ? 1 : set_fault(fault, FAULT_FAILED, "called after the end");
}

Test(overview, ends_a_list_where_the_caller_has_enough)
{
	size_t calls = 0;

	add_certificate("client1", "01", NOW_S + 1);
	add_certificate("client1", "02", NOW_S + 1);
	OK(list_newest_certificates(store, NULL, 9, stop_at_once, &calls, &fault));
	cr_expect_eq(calls, 1);
	REFUSED(list_newest_certificates(store, NULL, 9, stop_at_once, &calls, &fault),
		FAULT_FAILED, "called after the end");
}
