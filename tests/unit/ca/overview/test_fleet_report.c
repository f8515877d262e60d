#include "common/ca/overview/fleet_report.h"

#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* A fleet of the fixture's manifest, whose certificates are valid for 90 days. */
static struct ca_fixture fixture;
static struct fleet fleet;
static struct fleet_row row;

static void set_up(void)
{
	make_ca_place(&fixture);
	fleet = (struct fleet){.manifest = fixture.manifest, .now_s = NOW_S};
	/* One that is well: 20 members, each with a certificate, of a quota of 100. */
	row = (struct fleet_row){
		.client = {.name = "client1",
			   .policy = {.certificates = 100},
			   .joined_at_s = NOW_S - DAY_S},
		.holding = {.valid = 20, .members = 20, .first_end_s = NOW_S + 60 * DAY_S}};
}

static void tear_down(void)
{
	remove_ca(&fixture);
}

TestSuite(fleet_report, .init = set_up, .fini = tear_down);

static void expect_reasons(const char *expected)
{
	CLEANUP(clear_buffer) struct buffer reasons = {0};

	append_reasons(&fleet, &row, &reasons);
	append_string(&reasons, "");
	cr_assert(!reasons.failed);
	cr_expect_str_eq((const char *)reasons.data, expected);
}

Test(fleet_report, has_nothing_to_say_of_a_client_that_is_well)
{
	expect_reasons("");
}

Test(fleet_report, says_how_far_a_client_has_come)
{
	row = (struct fleet_row){.client = {.name = "client1"}};
	expect_reasons("never joined");
	row.client.invited_at_s = NOW_S - DAY_S;
	expect_reasons("invited, not joined");
	row.client.invitation_ends_s = NOW_S + 1;
	expect_reasons("invited, not joined");
	row.client.invitation_ends_s = NOW_S;
	expect_reasons("its invitation ended before it joined");
	row.client.joined_at_s = NOW_S;
	expect_reasons("no valid certificate");
}

/* A third of 90 days, or of what the client's own policy has, if that is less. */
Test(fleet_report, marks_a_first_end_when_a_renewal_is_due)
{
	row.holding.first_end_s = NOW_S + 30 * DAY_S + 1;
	expect_reasons("");
	row.holding.first_end_s = NOW_S + 30 * DAY_S;
	expect_reasons("first end in 30d");
	row.client.policy.validity_s = 30 * DAY_S;
	expect_reasons("");
	row.holding.first_end_s = NOW_S + 10 * DAY_S;
	expect_reasons("first end in 10d");
	row.client.policy.validity_s = 1000 * DAY_S;
	row.holding.first_end_s = NOW_S + 31 * DAY_S;
	expect_reasons("");
}

/* A renewal has each member's certificate twice for a while. */
Test(fleet_report, says_where_the_quota_is_too_small_for_a_renewal)
{
	row.holding.first_end_s = NOW_S + DAY_S;
	row.client.policy.certificates = 40;
	expect_reasons("first end in 1d");
	row.client.policy.certificates = 39;
	expect_reasons("first end in 1d, no room to renew all");
	/* The record's own size of the pool counts before the manifest's. */
	row.client.pool_size = 19;
	expect_reasons("first end in 1d");
	cr_expect_eq(fleet_pool_size(&fleet, &row), 19);
	(void)snprintf(row.client.name, sizeof(row.client.name), "stranger");
	row.client.pool_size = 0;
	cr_expect_eq(fleet_pool_size(&fleet, &row), 0);
}

Test(fleet_report, counts_superseded_certificates_beyond_one_a_member)
{
	row.holding.valid = 40;
	expect_reasons("");
	row.holding.valid = 41;
	expect_reasons("41 valid for 20 members: 21 superseded");
}

/* Of a barred client nothing else needs looking at. */
Test(fleet_report, marks_what_a_barred_client_still_has)
{
	row.client.disabled = true;
	row.holding.first_end_s = NOW_S + 1;
	expect_reasons("barred, with 20 valid");
	row.client.origin = ORIGIN_REMOVED;
	expect_reasons("not in the manifest any more; barred, with 20 valid");
	row.holding.valid = 0;
	expect_reasons("not in the manifest any more");
	row.client.origin = ORIGIN_OPERATOR;
	expect_reasons("");
	row.client.disabled = false;
	row.client.revoked = true;
	row.holding.valid = 1;
	expect_reasons("barred, with 1 valid");
}

Test(fleet_report, names_the_roots_that_a_client_has)
{
	memset(fleet.root_sha256, 1, SHA256_LEN);
	memset(fleet.next_sha256, 2, SHA256_LEN);
	memset(row.roots[0], 1, SHA256_LEN);
	row.root_count = 1;
	cr_expect_str_eq(name_roots(&fleet, &row), "", "the CA's root cannot be read");
	fleet.has_root = true;
	cr_expect_str_eq(name_roots(&fleet, &row), "present");
	memset(row.roots[1], 2, SHA256_LEN);
	row.root_count = 2;
	cr_expect_str_eq(name_roots(&fleet, &row), "present", "no rotation is under way");
	fleet.has_next = true;
	cr_expect_str_eq(name_roots(&fleet, &row), "both");
	memset(row.roots[0], 3, SHA256_LEN);
	cr_expect_str_eq(name_roots(&fleet, &row), "next");
	memset(row.roots[1], 3, SHA256_LEN);
	cr_expect_str_eq(name_roots(&fleet, &row), "former");
	row.root_count = 0;
	cr_expect_str_eq(name_roots(&fleet, &row), "", "it never said");
}

Test(fleet_report, names_how_far_the_rotation_of_a_key_is)
{
	cr_expect_str_eq(name_key_rotation(&fleet, &row), "");
	(void)snprintf(row.key.kid, sizeof(row.key.kid), "kid");
	row.key.old_ends_s = NOW_S - 1;
	cr_expect_str_eq(name_key_rotation(&fleet, &row), "offered", "until it is taken");
	row.key.taken_at_s = NOW_S - DAY_S;
	row.key.old_ends_s = NOW_S + 1;
	cr_expect_str_eq(name_key_rotation(&fleet, &row), "taken");
	row.key.old_ends_s = NOW_S;
	cr_expect_str_eq(name_key_rotation(&fleet, &row), "");
}

Test(fleet_report, names_the_state_of_a_client)
{
	cr_expect_str_eq(format_client_state(&row.client), "enabled");
	row.client.disabled = true;
	cr_expect_str_eq(format_client_state(&row.client), "disabled");
	row.client.revoked = true;
	cr_expect_str_eq(format_client_state(&row.client), "revoked");
}

Test(fleet_report, writes_a_span_in_its_largest_unit)
{
	static const struct {
		int64_t span_s;
		const char *text;
	} rows[] = {{0, "0s"},     {59, "59s"},           {60, "1m"},
		    {3599, "59m"}, {3600, "1h"},          {86399, "23h"},
		    {86400, "1d"}, {400 * DAY_S, "400d"}, {-5, "-5s"}};
	char text[SPAN_SIZE];

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		format_span(rows[i].span_s, text);
		cr_expect_str_eq(text, rows[i].text);
	}
}

Test(fleet_report, counts_who_joined_and_who_needs_a_look)
{
	CLEANUP(clear_fleet) struct fleet loaded = {0};
	struct authority_made made = {0};
	bool changed;

	OK(init_ca(&fixture, NOW_S, &made, &fault));
	OK(open_ca(&fixture, NOW_S, &fault));
	OK(set_client_disabled(authority_store(fixture.authority), "client2", true, NOW_S, &changed,
			       &fault));
	OK(load_fleet(authority_store(fixture.authority), fixture.layout, fixture.manifest, NOW_S,
		      &loaded, NULL, &fault));
	cr_expect_eq(loaded.count, 7);
	cr_expect_eq(loaded.joined, 0);
	cr_expect_eq(loaded.marked, 6, "a barred one without certificates needs none");
	cr_expect(loaded.has_root);
	cr_expect(!loaded.has_next);
	cr_expect_str_eq(find_in_fleet(&loaded, "web")->client.name, "web");
	cr_expect_null(find_in_fleet(&loaded, "we"));
}
