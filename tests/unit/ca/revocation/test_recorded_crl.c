#include "common/ca/revocation/recorded_crl.h"

#include "common/base/file.h"
#include "common/ca/store/driver.h"
#include "common/ca/store/revoke.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

/* Two front ends, with a layout each, on one record that says of itself that it is shared. */
static struct ca_fixture fixture;
static struct store *store;
static struct layout *layout;
static struct ca_crl_options front_ends[2];

static void set_up(void)
{
	char path[400];

	make_ca(&fixture, NOW_S);
	front_ends[0] = authority_crl_options(fixture.authority);
	front_ends[0].store->shared = true;
	front_ends[0].no_waiting = true;
	(void)snprintf(path, sizeof(path), "%s/ca2", fixture.scratch.path);
	OK(make_layout(path, &layout, &fault));
	OK(open_store(fixture.store_path, &store, &fault));
	store->shared = true;
	run_foreign_sql(fixture.store_path,
			"INSERT INTO front_end (id, name, added_at) VALUES (2, 'ca2', 7);"
			"INSERT INTO audit_chain (front_end) VALUES (2)");
	set_store_front_end(store, 2);
	front_ends[1] = front_ends[0];
	front_ends[1].store = store;
	front_ends[1].layout = layout;
}

static void tear_down(void)
{
	free_store(&store);
	free_layout(&layout);
	remove_ca(&fixture);
}

TestSuite(recorded_crl, .init = set_up, .fini = tear_down);

static struct crl_info publish(int front_end, int64_t now_s)
{
	struct crl_info info = {0};

	OK(publish_crl(&front_ends[front_end], CRL_WHEN_DUE, now_s, &info, &fault));
	return info;
}

static void expect_same_copies(void)
{
	CLEANUP(clear_buffer) struct buffer first = {0};
	CLEANUP(clear_buffer) struct buffer second = {0};

	OK(read_crl(fixture.layout, 1, &first, &fault));
	OK(read_crl(layout, 1, &second, &fault));
	cr_expect(equal_bytes(bytes_of_buffer(&first), bytes_of_buffer(&second)));
}

static void revoke_one(int front_end)
{
	const struct certificate_query everything = {0};
	const struct revocation revocation = {.query = &everything, .by = "ca", .now_s = NOW_S};
	struct revocation_summary summary;
	struct certificate *certificate = certify_one(&fixture, NOW_S);

	free_certificate(&certificate);
	OK(revoke_certificates(front_ends[front_end].store, &revocation, NULL, NULL, &summary,
			       &fault));
}

Test(recorded_crl, of_one_front_end_is_that_of_all)
{
	struct crl_info info = publish(0, NOW_S);

	cr_expect(info.made);
	info = publish(1, NOW_S);
	cr_expect_not(info.made);
	cr_expect_eq(info.number, 1);
	expect_same_copies();

	revoke_one(1);
	info = publish(1, NOW_S + 5);
	cr_expect(info.made);
	cr_expect_eq(info.number, 2);
	cr_expect_eq(info.entries, 1);
	info = publish(0, NOW_S + 5);
	cr_expect_not(info.made);
	cr_expect_eq(info.number, 2);
	expect_same_copies();
}

Test(recorded_crl, comes_back_where_its_copy_was_lost)
{
	char path[420];

	(void)publish(0, NOW_S);
	(void)publish(1, NOW_S);
	(void)snprintf(path, sizeof(path), "%s/cert/ca.crl", layout->path);
	cr_assert_eq(unlink(path), 0);
	cr_expect_not(publish(1, NOW_S).made);
	expect_same_copies();
}

Test(recorded_crl, is_made_by_one_front_end_at_a_time)
{
	struct publisher publisher = {.options = &front_ends[0]};
	struct crl_info info;
	bool mine = false;

	OK(begin_publisher(&publisher, &mine, &fault));
	cr_expect(mine);
	info = publish(1, NOW_S);
	cr_expect_not(info.made);
	cr_expect(info.elsewhere, "the other one makes it now");
	cr_expect_eq(info.number, 0);
	drop_publisher(&publisher);
	info = publish(1, NOW_S);
	cr_expect(info.made);
	cr_expect_not(info.elsewhere);
}

/* A publisher that hung for longer than its lease, while another made a CRL that lists more. */
Test(recorded_crl, of_a_publisher_that_hung_changes_nothing)
{
	CLEANUP(clear_buffer) struct buffer stale = {0};
	struct publisher publisher = {.options = &front_ends[0]};
	struct crl_state state;
	bool mine = false;

	(void)publish(0, NOW_S);
	OK(read_crl(fixture.layout, 1, &stale, &fault));
	OK(begin_publisher(&publisher, &mine, &fault));
	OK(read_crl_state(front_ends[0].store, 1, &state, &fault));
	run_foreign_sql(fixture.store_path, "UPDATE lease SET ends_at = ends_at - 1000");

	revoke_one(1);
	cr_expect_eq(publish(1, NOW_S + 5).number, 2);
	state.current_number = 77;
	REFUSED(install_crl(&publisher, &state, bytes_of_buffer(&stale), "", NOW_S, &fault),
		FAULT_BUSY, "ended before its work was done");
	OK(read_crl_state(store, 1, &state, &fault));
	cr_expect_eq(state.current_number, 2);
	cr_expect_not(publish(0, NOW_S + 5).made);
	expect_same_copies();
}
