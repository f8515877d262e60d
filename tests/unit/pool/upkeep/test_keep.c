#include "common/pool/upkeep/keep.h"

#include "common/base/clock.h"
#include "common/pool/members/known_revocations.h"
#include "common/pool/upkeep/check_pool.h"
#include "tests/support/expect.h"
#include "tests/unit/pool/enrolling.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct fixture fixture;
static struct fake_ca ca;
static struct enroll_reports reports;

static void set_up(void)
{
	open_fixture(&fixture);
	start_fake_ca(&ca, &fixture);
	reports = (struct enroll_reports){0};
}

static void tear_down(void)
{
	stop_fake_ca(&ca);
	close_fixture(&fixture);
}

TestSuite(keep, .init = set_up, .fini = tear_down);

static int keep(enum upkeep_scope scope, bool lost_keys, struct upkeep_summary *ret_kept,
		struct fault *fault)
{
	const struct upkeep upkeep = {.enrollment = enrollment_of(&fixture, &ca, &reports),
				      .scope = scope,
				      .lost_keys = lost_keys};

	reports.done = 0;
	return keep_pool(&upkeep, fixture.now_s, ret_kept, fault);
}

static void know_revoked(size_t member)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	struct known_revocation item = {.end_s = fixture.now_s + 86400, .reason = 1};
	const struct known_revocations news = {&item, 1};
	char name[FILE_NAME_SIZE];

	name_certificate(member, name);
	OK(read_certificate_file(fixture.layouts[0], name, &certificate, &fault));
	memcpy(item.serial, certificate_serial(certificate).data, SERIAL_MAX);
	OK(add_known_revocations(fixture.layouts[0], "client1", KNOWN_ADD, &news, fixture.now_s,
				 &fault));
}

/* What check_pool finds, as "WHERE: ADVICE;" for each finding. */
static int note_finding(void *context, const struct pool_finding *finding, struct fault *fault)
{
	(void)fault;
	append_format(context, "%s: %s;", finding->where, finding->advice);
	return 0;
}

static void expect_findings(const char *expected)
{
	CLEANUP(clear_buffer) struct buffer found = {0};
	const struct pool_check check = {.layout = fixture.layouts[0],
					 .client = &fixture.clients[0],
					 .now_s = fixture.now_s,
					 .function = note_finding,
					 .context = &found};
	size_t findings;

	append_string(&found, "");
	OK(check_pool(&check, &findings, &fault));
	cr_expect_str_eq((char *)found.data, expected);
}

Test(keep, makes_a_pool_whole_whatever_it_lacks)
{
	struct upkeep_summary kept;

	OK(keep(UPKEEP_ALL, false, &kept, &fault));
	cr_expect_eq(kept.members, POOL_SIZE);
	cr_expect_eq(kept.needs[NEED_CERTIFICATE], POOL_SIZE);
	cr_expect_gt(kept.next_due_s, fixture.now_s);
	expect_findings("");

	know_revoked(1);
	put_file(fixture.layouts[0]->private, "private_key2.key", "-----BEGIN", 0600);
	put_file(fixture.layouts[0]->csr_file, "csr_key3.csr", "", 0644);
	expect_findings("client1/2: run certpool repair client1/2;"
			"client1/3: run certpool repair client1/3;"
			"client1: run certpool keep client1;");
	OK(keep(UPKEEP_ALL, false, &kept, &fault));
	cr_expect_eq(kept.needs[NEED_REPLACEMENT], 1);
	cr_expect_eq(kept.needs[NEED_REPAIR], 2);
	cr_expect_eq(kept.needs[NEED_NOTHING], 0);
	expect_findings("");
	cr_expect_eq(faccessat(fixture.layouts[0]->private, "replaced_1_private_key2.key", F_OK, 0),
		     0);
}

Test(keep, asks_nothing_when_nothing_is_needed)
{
	struct upkeep_summary kept;

	make_certified_pool(&fixture, 0);
	OK(keep(UPKEEP_ALL, false, &kept, &fault));
	cr_expect_eq(kept.needs[NEED_NOTHING], POOL_SIZE);
	cr_expect_eq(ca.questions, 0);
}

/* The renewal of those that end is apart: the new members can sign before it begins. */
Test(keep, asks_for_all_that_fills_a_pool_up_in_as_few_requests_as_its_batch_size_allows)
{
	static const struct {
		enum reuse method;
		size_t size;
		size_t batch_size;
		int questions;
	} rows[] = {
		{REUSE_ONCE_ONLY, 60, 250, 1},
		{REUSE_ONCE_ONLY, 120, 250, 2}, /* 60 new members, and 60 that end */
		{REUSE_ONCE_ONLY, 180, 60, 3},  /* 60 new ones, and 120 */
		{REUSE_RANDOM, 300, 250, 7},    /* 50 each at most */
	};
	struct pool_settings *pool = &fixture.clients[0].pool;
	struct upkeep_summary kept;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct upkeep upkeep = {.enrollment = enrollment_of(&fixture, &ca, &reports),
					.scope = UPKEEP_ALL,
					.within_s = CENTURY_S};
		size_t before = i > 0 ? rows[i - 1].size : 0;

		pool->reuse.method = rows[i].method;
		pool->size = rows[i].size;
		pool->batch_size = rows[i].batch_size;
		upkeep.enrollment.progress = (struct progress){0};
		ca.questions = 0;
		OK(keep_pool(&upkeep, fixture.now_s, &kept, &fault));
		cr_expect_eq(kept.needs[NEED_CERTIFICATE], rows[i].size - before);
		cr_expect_eq(kept.needs[NEED_RENEWAL], before);
		cr_expect_eq(ca.questions, rows[i].questions, "row %zu: %d", i, ca.questions);
	}
}

Test(keep, leaves_keys_that_may_be_elsewhere_alone_unless_they_are_lost)
{
	CLEANUP(clear_buffer) struct buffer before = {0};
	CLEANUP(clear_buffer) struct buffer after = {0};
	struct upkeep_summary kept;

	make_certified_pool(&fixture, 0);
	before = get_file(fixture.layouts[0]->cert, "cert_key2.crt");
	cr_assert_eq(unlinkat(fixture.layouts[0]->private, "private_key2.key", 0), 0);
	know_revoked(2);
	expect_findings("client1: run certpool keep client1;"
			"client1: if they are lost, and not kept elsewhere, run certpool repair "
			"client1 --lost-keys;");
	OK(keep(UPKEEP_ALL, false, &kept, &fault));
	cr_expect_eq(kept.needs[NEED_KEY], 1);
	cr_expect_eq(kept.keyless, 1);
	after = get_file(fixture.layouts[0]->cert, "cert_key2.crt");
	cr_expect(equal_bytes(bytes_of_buffer(&before), bytes_of_buffer(&after)));
	OK(keep(UPKEEP_REPAIR, true, &kept, &fault));
	cr_expect_eq(kept.needs[NEED_REPAIR], 1);
	expect_findings("");
}

/* catalogue 38 */
Test(keep, leaves_permissions_to_their_owner)
{
	CLEANUP(clear_buffer) struct buffer key = {0};
	struct upkeep_summary kept;

	make_certified_pool(&fixture, 0);
	key = get_file(fixture.layouts[0]->private, "private_key1.key");
	put_file(fixture.layouts[0]->private, "private_key1.key", (char *)key.data, 0644);
	expect_findings("client1/1: mend that, and run certpool check client1;");
	OK(keep(UPKEEP_ALL, false, &kept, &fault));
	cr_expect_eq(kept.needs[NEED_HAND], 1);
	cr_expect_not_null(strstr(kept.by_hand.text, "expected mode 0600, found 0644"));
	/* Also what else is wrong with the member waits for that, and no other member does. */
	put_file(fixture.layouts[0]->csr_file, "csr_key1.csr", "", 0644);
	cr_assert_eq(unlinkat(fixture.layouts[0]->cert, "cert_key2.crt", 0), 0);
	OK(keep(UPKEEP_ALL, false, &kept, &fault));
	cr_expect_eq(kept.needs[NEED_HAND], 1);
	cr_expect_eq(kept.needs[NEED_CERTIFICATE], 1);
	cr_expect_not_null(strstr(kept.by_hand.text, "expected mode 0600, found 0644"));
	expect_findings("client1/1: mend that, and run certpool check client1;");
}

static void refuse_first_as_revoked(struct fake_ca *fake, struct certificates_answer *answer)
{
	if (fake->questions > 1)
		return;
	clear_buffer(&answer->certificates[0].pem);
	memcpy(answer->refusals[0].name, answer->certificates[0].name,
	       sizeof(answer->refusals[0].name));
	set_refusal(&answer->refusals[0].refusal, "revoked", "the key's certificate was revoked");
	answer->refusal_count = 1;
	answer->certificate_count = 0;
}

Test(keep, gives_a_new_key_to_a_member_whose_key_the_ca_certifies_no_more)
{
	CLEANUP(clear_buffer) struct buffer before = {0};
	CLEANUP(clear_buffer) struct buffer after = {0};
	struct upkeep_summary kept;

	make_certified_pool(&fixture, 0);
	before = get_file(fixture.layouts[0]->private, "private_key2.key");
	cr_assert_eq(unlinkat(fixture.layouts[0]->cert, "cert_key2.crt", 0), 0);
	ca.spoil_certificates = refuse_first_as_revoked;
	OK(keep(UPKEEP_REPAIR, false, &kept, &fault));
	cr_expect_eq(kept.needs[NEED_CERTIFICATE], 1);
	cr_expect_eq(kept.refused[NEED_CERTIFICATE], 0);
	cr_expect_eq(reports.count, 0, "the refusal is not the last word");
	after = get_file(fixture.layouts[0]->private, "private_key2.key");
	cr_expect_not(equal_bytes(bytes_of_buffer(&before), bytes_of_buffer(&after)));
	expect_findings("");
}

/* Its owner has the key, and gets the refusal: no other key is made behind his back. */
Test(keep, leaves_a_member_alone_whose_key_is_elsewhere_and_certified_no_more)
{
	CLEANUP(clear_buffer) struct buffer before = {0};
	CLEANUP(clear_buffer) struct buffer after = {0};
	struct upkeep_summary kept;

	make_certified_pool(&fixture, 0);
	before = get_file(fixture.layouts[0]->csr_file, "csr_key2.csr");
	cr_assert_eq(unlinkat(fixture.layouts[0]->cert, "cert_key2.crt", 0), 0);
	cr_assert_eq(unlinkat(fixture.layouts[0]->private, "private_key2.key", 0), 0);
	ca.spoil_certificates = refuse_first_as_revoked;
	OK(keep(UPKEEP_ALL, false, &kept, &fault));
	cr_expect_eq(kept.refused[NEED_CERTIFICATE], 1);
	cr_expect_eq(reports.count, 1);
	cr_expect_str_eq(reports.last.type, "revoked");
	cr_expect_neq(faccessat(fixture.layouts[0]->private, "private_key2.key", F_OK, 0), 0);
	after = get_file(fixture.layouts[0]->csr_file, "csr_key2.csr");
	cr_expect(equal_bytes(bytes_of_buffer(&before), bytes_of_buffer(&after)));
}

Test(keep, sets_members_above_the_size_aside)
{
	size_t count;

	make_certified_pool(&fixture, 0);
	fixture.clients[0].pool.size = 1;
	expect_findings(
		"client1: run certpool repair client1 --shrink, with --revoke to have their "
		"certificates revoked;");
	OK(shrink_pool(fixture.layouts[0], &fixture.clients[0], &count, &fault));
	cr_expect_eq(count, POOL_SIZE - 1);
	expect_findings("");
	OK(shrink_pool(fixture.layouts[0], &fixture.clients[0], &count, &fault));
	cr_expect_eq(count, 0);
}

/* A request to the CA that had a key twice would be refused as a whole. */
Test(keep, gives_new_keys_to_members_that_have_the_key_of_another)
{
	CLEANUP(clear_buffer) struct buffer before = {0};
	CLEANUP(clear_buffer) struct buffer after = {0};
	CLEANUP(clear_buffer) struct buffer key = {0};
	struct upkeep_summary kept;

	make_certified_pool(&fixture, 0);
	before = get_file(fixture.layouts[0]->cert, "cert_key2.crt");
	key = get_file(fixture.layouts[0]->private, "private_key2.key");
	put_file(fixture.layouts[0]->private, "private_key1.key", (char *)key.data, 0600);
	put_file(fixture.layouts[0]->private, "private_key3.key", (char *)key.data, 0600);
	cr_assert_eq(unlinkat(fixture.layouts[0]->cert, "cert_key1.crt", 0), 0);
	expect_findings("client1/1: run certpool repair client1/1;"
			"client1/3: run certpool repair client1/3;");
	OK(keep(UPKEEP_REPAIR, false, &kept, &fault));
	cr_expect_eq(kept.needs[NEED_REPAIR], 2);
	expect_findings("");
	after = get_file(fixture.layouts[0]->cert, "cert_key2.crt");
	cr_expect(equal_bytes(bytes_of_buffer(&before), bytes_of_buffer(&after)));
}
