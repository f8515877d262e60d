#include "common/pool/revocation/ask_revocation.h"

#include "common/x509/revocation/crl_reason.h"
#include "tests/support/expect.h"
#include "tests/unit/pool/fake_ca.h"

#include <criterion/criterion.h>
#include <unistd.h>

static const uint8_t serials[2][SERIAL_MAX] = {{1, 2, 3}, {4, 5, 6}};
static struct fixture fixture;

static void set_up(void)
{
	open_fixture(&fixture);
}

static void tear_down(void)
{
	close_fixture(&fixture);
}

TestSuite(ask_revocation, .init = set_up, .fini = tear_down);

static int ask_for_two(const struct endpoint *endpoint, struct revocation_answer *ret_answer,
		       struct fault *fault)
{
	const struct revocation_options options = {
		.layout = fixture.layouts[0],
		.client = "client1",
		.ca = *endpoint,
		.serials = serials,
		.serial_count = COUNT_OF(serials),
		.reason = REASON_SUPERSEDED,
	};

	return ask_revocation(&options, fixture.now_s, ret_answer, fault);
}

static void drop_one(struct fake_ca *ca, struct revocation_answer *answer)
{
	(void)ca;
	answer->revoked_count--;
}

static void change_serial(struct fake_ca *ca, struct revocation_answer *answer)
{
	(void)ca;
	answer->revoked[1].serial[0] ^= 1;
}

static void repeat_serial(struct fake_ca *ca, struct revocation_answer *answer)
{
	(void)ca;
	answer->revoked[1] = answer->revoked[0];
}

static void refuse_foreign(struct fake_ca *ca, struct revocation_answer *answer)
{
	(void)ca;
	set_refusal(&answer->refusal, "not_yours", "it is client2's");
}

static void refuse_unknown(struct fake_ca *ca, struct revocation_answer *answer)
{
	(void)ca;
	set_refusal(&answer->refusal, "not_issued", "nobody has it");
}

static void fail(struct fake_ca *ca, struct revocation_answer *answer)
{
	(void)ca;
	set_refusal(&answer->refusal, "failed", "the disk is full");
}

/* catalogue 65 */
Test(ask_revocation, refuses_an_answer_that_does_not_hold)
{
	static const struct {
		spoil_revocations *spoil;
		enum envelope_mischief mischief;
		enum fault_class class;
		const char *text;
		spoil_claims *spoil_claims;
	} rows[] = {
		{drop_one, 0, FAULT_UNVERIFIED, "expected 2 certificates, found 1", NULL},
		{change_serial, 0, FAULT_UNVERIFIED, "expected certificate 0405", NULL},
		{repeat_serial, 0, FAULT_UNVERIFIED, "expected certificate 0405", NULL},
		{NULL, 0, FAULT_UNVERIFIED, "another request", change_in_reply_to},
		{NULL, 0, FAULT_UNVERIFIED, "another request", change_digest},
		/* A refusal, too, must be the answer to this request. */
		{refuse_unknown, 0, FAULT_UNVERIFIED, "another request", change_digest},
		{refuse_foreign, 0, FAULT_REFUSED, "not_yours", NULL},
		{refuse_unknown, 0, FAULT_NOT_FOUND, "not_issued", NULL},
		{fail, 0, FAULT_FAILED, "the disk is full", NULL},
		{NULL, ENVELOPE_REFLECTED, FAULT_UNVERIFIED, "typ", NULL},
		{NULL, ENVELOPE_WRONG_KEY, FAULT_UNVERIFIED, "cannot be decrypted", NULL},
		{NULL, ENVELOPE_WRONG_TYPE, FAULT_UNVERIFIED, "typ", NULL},
		{NULL, ENVELOPE_HTML, FAULT_UNREACHABLE, "text/html", NULL},
	};
	struct fake_ca ca;

	start_fake_ca(&ca, &fixture);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct revocation_answer answer = {0};

		ca.spoil_revocations = rows[i].spoil;
		ca.spoil_claims = rows[i].spoil_claims;
		ca.envelope.mischief = rows[i].mischief;
		REFUSED(ask_for_two(&ca.endpoint, &answer, &fault), rows[i].class, rows[i].text,
			"%zu", i);
		cr_expect_null(answer.revoked);
	}
	stop_fake_ca(&ca);
}

/* catalogue 65 */
Test(ask_revocation, refuses_the_answer_to_an_earlier_request)
{
	struct fake_ca ca;
	struct revocation_answer answer = {0};

	start_fake_ca(&ca, &fixture);
	OK(ask_for_two(&ca.endpoint, &answer, &fault));
	clear_revocation_answer(&answer);
	ca.envelope.mischief = ENVELOPE_OLD;
	REFUSED(ask_for_two(&ca.endpoint, &answer, &fault), FAULT_UNVERIFIED, "another request");
	stop_fake_ca(&ca);
}

Test(ask_revocation, says_that_the_ca_cannot_be_reached)
{
	struct endpoint endpoint = dead_endpoint();
	struct revocation_answer answer = {0};

	REFUSED(ask_for_two(&endpoint, &answer, &fault), FAULT_UNREACHABLE, "127.0.0.1");
}

Test(ask_revocation, refuses_a_layout_without_the_cas_key)
{
	struct endpoint endpoint = dead_endpoint();
	struct revocation_answer answer = {0};

	cr_assert_eq(unlinkat(fixture.layouts[0]->private, "shared_ca.jwk", 0), 0);
	REFUSED(ask_for_two(&endpoint, &answer, &fault), FAULT_NOT_FOUND, "shared_ca.jwk");
}

Test(ask_revocation, returns_the_answer_of_the_ca)
{
	struct fake_ca ca;
	struct revocation_answer answer = {0};

	start_fake_ca(&ca, &fixture);
	OK(ask_for_two(&ca.endpoint, &answer, &fault));
	cr_expect_eq(answer.revoked_count, 2);
	cr_expect_arr_eq(answer.revoked[1].serial, serials[1], SERIAL_MAX);
	cr_expect_eq(answer.revoked[1].reason, REASON_SUPERSEDED);
	cr_expect_eq(answer.crl_number, 7);
	clear_revocation_answer(&answer);
	stop_fake_ca(&ca);
}
