#include "common/ca/store/absorb_crl.h"

#include "common/base/clock.h"
#include "common/ca/revocation/publish_crl.h"
#include "common/ca/store/clients.h"
#include "common/ca/store/crl_state.h"
#include "common/ca/store/driver.h"
#include "common/ca/store/issuers.h"
#include "common/ca/store/revoke.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
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

TestSuite(absorb_crl, .init = set_up, .fini = tear_down);

static struct store *store_of(void)
{
	return authority_store(fixture.authority);
}

static void certify_members(const char *client, size_t count)
{
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

	add_members(&request, client, 1, count);
	certify(&fixture, client, &request, NOW_S, &answer);
	cr_assert_eq(answer.certificate_count, count);
}

/* Revokes the client's certificates, publishes the CRL, and gives its number. */
static uint64_t revoke_and_publish(const char *client)
{
	const struct certificate_query query = {.client = client};
	const struct revocation revocation = {
		.query = &query, .by = "ca", .reason = 4, .now_s = NOW_S + 60};
	struct ca_crl_options options = authority_crl_options(fixture.authority);
	struct revocation_summary summary;
	struct crl_info info = {0};

	OK(revoke_certificates(store_of(), &revocation, NULL, NULL, &summary, &fault));
	OK(publish_crl(&options, CRL_WHEN_DUE, NOW_S + 60, &info, &fault));
	return info.number;
}

/* The record as it was in a backup: it lacks the second certificate and all revocations. */
static void go_back(void)
{
	run_foreign_sql(fixture.store_path,
			"DELETE FROM certificate WHERE id = 2;"
			"UPDATE certificate SET revoked_at = NULL, reason = NULL;"
			"UPDATE state SET crl_number = 0;"
			"UPDATE issuer SET crl_standing = 0, crl_revision = -1");
}

/* Takes the CRL in the layout in. */
static void absorb(struct absorbed_crl *ret_absorbed)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(free_crl) struct crl *crl = NULL;

	OK(read_crl(fixture.layout, FIRST_ISSUER, &der, &fault));
	OK(parse_crl(&der, &crl, &fault));
	OK(absorb_crl(store_of(), crl,
		      &(struct crl_issuer){FIRST_ISSUER, authority_root(fixture.authority)},
		      NOW_S + 120, ret_absorbed, &fault));
}

Test(absorb_crl, waits_in_a_shared_record_until_the_other_front_ends_know)
{
	CLEANUP(clear_absorbed_crl) struct absorbed_crl absorbed = {0};
	int64_t began_us;

	certify_members("client1", 1);
	(void)revoke_and_publish("client1");
	go_back();
	store_of()->shared = true;
	began_us = read_uptime_us();
	absorb(&absorbed);
	cr_expect_gt(read_uptime_us() - began_us, SETTLING_US);
}

static bool is_disabled(const char *name)
{
	CLEANUP(clear_client) struct client client = {0};
	bool found;

	OK(read_client(store_of(), name, &client, &found, &fault));
	return client.disabled;
}

/* catalogue 105: a record from a backup is given the last CRL. */
Test(absorb_crl, is_used_like_this)
{
	CLEANUP(clear_absorbed_crl) struct absorbed_crl absorbed = {0};
	struct ca_crl_options options = authority_crl_options(fixture.authority);
	struct crl_state state;
	struct crl_info info;
	uint64_t number;

	certify_members("client1", 3);
	number = revoke_and_publish("client1");
	go_back();
	absorb(&absorbed);
	cr_expect_eq(absorbed.entries, 3);
	cr_expect_eq(absorbed.revoked, 2);
	cr_expect_eq(absorbed.unrecorded, 1);
	cr_expect_eq(absorbed.this_update_s, NOW_S + 60);
	cr_expect(absorbed.newer);
	OK(read_crl_state(store_of(), FIRST_ISSUER, &state, &fault));
	cr_expect_eq(state.number, number);

	/* The next CRL has all of it, and is higher. */
	OK(publish_crl(&options, CRL_WHEN_DUE, NOW_S + 120, &info, &fault));
	cr_expect_eq(info.entries, 3);
	cr_expect_gt(info.number, number);
}

Test(absorb_crl, changes_nothing_that_is_revoked_already)
{
	CLEANUP(clear_absorbed_crl) struct absorbed_crl absorbed = {0};
	size_t revoked;

	certify_members("client1", 3);
	(void)revoke_and_publish("client1");
	run_foreign_sql(fixture.store_path, "UPDATE certificate SET reason = 1");
	absorb(&absorbed);
	cr_expect_eq(absorbed.revoked + absorbed.unrecorded, 0);
	cr_expect_eq(absorbed.barred.len, 0);
	cr_expect_not(absorbed.newer);
	OK(count_certificates(store_of(), &(struct certificate_query){.state = STATE_REVOKED},
			      &revoked, &fault));
	cr_expect_eq(revoked, 3);
}

/* catalogue 105: the CRL does not say whether they were barred: they may enroll again when the
   operator says so. */
Test(absorb_crl, disables_the_clients_that_lost_all_by_it)
{
	CLEANUP(clear_absorbed_crl) struct absorbed_crl absorbed = {0};

	certify_members("client1", 3);
	certify_members("client2", 1);
	certify_members("client3", 1);
	(void)revoke_and_publish("client3");
	(void)revoke_and_publish("client1");
	run_foreign_sql(fixture.store_path,
			"UPDATE certificate SET revoked_at = NULL, reason = NULL"
			" WHERE client = 'client1'");
	absorb(&absorbed);
	cr_assert_eq(absorbed.barred.len, NAME_SIZE);
	cr_expect_str_eq((const char *)absorbed.barred.data, "client1");
	cr_expect(is_disabled("client1"));
	cr_expect_not(is_disabled("client2"), "it has a certificate");
	cr_expect_not(is_disabled("client3"), "it lost its own before");
}

Test(absorb_crl, refuses_the_crl_of_another_ca)
{
	struct absorbed_crl absorbed = {.entries = 7};
	struct ca_fixture other;
	struct ca_crl_options options;
	struct crl_info info;
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(free_crl) struct crl *crl = NULL;

	make_ca(&other, NOW_S);
	options = authority_crl_options(other.authority);
	OK(publish_crl(&options, CRL_WHEN_DUE, NOW_S, &info, &fault));
	OK(read_crl(other.layout, FIRST_ISSUER, &der, &fault));
	OK(parse_crl(&der, &crl, &fault));
	REFUSED(absorb_crl(store_of(), crl,
			   &(struct crl_issuer){FIRST_ISSUER, authority_root(fixture.authority)},
			   NOW_S, &absorbed, &fault),
		FAULT_UNVERIFIED, "CRL: ");
	cr_expect_eq(absorbed.entries, 7);
	remove_ca(&other);
}
