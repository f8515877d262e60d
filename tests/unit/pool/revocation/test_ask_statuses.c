#include "common/pool/revocation/ask_statuses.h"

#include "common/x509/revocation/crl_reason.h"
#include "tests/support/expect.h"
#include "tests/unit/pool/fake_ca.h"

#include <criterion/criterion.h>
#include <string.h>

static const uint8_t serials[3][SERIAL_MAX] = {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}};
static struct fixture fixture;
static bool known;

static void set_up(void)
{
	open_fixture(&fixture);
}

static void tear_down(void)
{
	close_fixture(&fixture);
}

TestSuite(ask_statuses, .init = set_up, .fini = tear_down);

static int ask_for_two(const struct endpoint *endpoint, struct statuses_answer *ret_answer,
		       struct fault *fault)
{
	const struct statuses_question question = {
		.layout = fixture.layouts[0],
		.client = "client1",
		.ca = *endpoint,
		.serials = serials,
		.serial_count = 2,
	};

	return ask_statuses(&question, fixture.now_s, ret_answer, &known, fault);
}

static void name_another(struct fake_ca *ca, struct statuses_answer *answer)
{
	(void)ca;
	memcpy(answer->revoked[0].serial, serials[2], SERIAL_MAX);
}

static void refuse(struct fake_ca *ca, struct statuses_answer *answer)
{
	(void)ca;
	set_refusal(&answer->refusal, "revoked", "the client is revoked");
}

/* catalogue 65 */
Test(ask_statuses, refuses_an_answer_that_does_not_hold)
{
	static const struct {
		spoil_statuses *spoil;
		enum envelope_mischief mischief;
		enum fault_class class;
		const char *text;
		spoil_claims *spoil_claims;
	} rows[] = {
		{name_another, 0, FAULT_UNVERIFIED, "was not asked about", NULL},
		{NULL, 0, FAULT_UNVERIFIED, "another request", change_in_reply_to},
		{NULL, 0, FAULT_UNVERIFIED, "another request", change_digest},
		{refuse, 0, FAULT_REFUSED, "the client is revoked", NULL},
		{NULL, ENVELOPE_REFLECTED, FAULT_UNVERIFIED, "typ", NULL},
		{NULL, ENVELOPE_WRONG_KEY, FAULT_UNVERIFIED, "cannot be decrypted", NULL},
		{NULL, ENVELOPE_HTML, FAULT_UNREACHABLE, "text/html", NULL},
	};
	struct fake_ca ca;

	start_fake_ca(&ca, &fixture);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct statuses_answer answer = {0};

		ca.spoil_statuses = rows[i].spoil;
		ca.spoil_claims = rows[i].spoil_claims;
		ca.envelope.mischief = rows[i].mischief;
		REFUSED(ask_for_two(&ca.endpoint, &answer, &fault), rows[i].class, rows[i].text,
			"%zu", i);
		cr_expect_null(answer.revoked);
	}
	stop_fake_ca(&ca);
}

Test(ask_statuses, returns_the_answer_of_the_ca)
{
	struct statuses_answer answer = {0};
	struct fake_ca ca;

	start_fake_ca(&ca, &fixture);
	OK(ask_for_two(&ca.endpoint, &answer, &fault));
	cr_expect(known);
	cr_assert_eq(answer.revoked_count, 1);
	cr_expect_arr_eq(answer.revoked[0].serial, serials[0], SERIAL_MAX);
	cr_expect_eq(answer.revoked[0].reason, REASON_KEY_COMPROMISE);
	cr_expect_eq(answer.unknown_count, 0);
	clear_statuses_answer(&answer);
	stop_fake_ca(&ca);
}

Test(ask_statuses, says_that_an_older_ca_does_not_know_the_question)
{
	struct statuses_answer answer = {0};
	struct fake_ca ca;

	start_fake_ca(&ca, &fixture);
	ca.envelope.mischief = ENVELOPE_NOT_FOUND;
	OK(ask_for_two(&ca.endpoint, &answer, &fault));
	cr_expect_not(known);
	stop_fake_ca(&ca);
}
