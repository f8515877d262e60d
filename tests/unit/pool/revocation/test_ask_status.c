#include "common/pool/revocation/ask_status.h"

#include "tests/support/expect.h"
#include "tests/unit/pool/fake_ca.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

static struct fixture fixture;

static void set_up(void)
{
	open_fixture(&fixture);
	make_certified_pool(&fixture, 0);
}

static void tear_down(void)
{
	close_fixture(&fixture);
}

TestSuite(ask_status, .init = set_up, .fini = tear_down);

/* Asks about the first client's first certificate. */
static int ask_first(const struct endpoint *endpoint, struct status_answer *ret_answer,
		     struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *certificate = first_certificate(&fixture);
	CLEANUP(free_status_client) struct status_client *client = NULL;

	if (new_status_client(fixture.layouts[1], "client2", endpoint, STATUS_PATIENT, &client,
			      fault) < 0)
		return -1;
	return ask_status(client, certificate_der(certificate), fixture.now_s, ret_answer, fault);
}

static void refuse(struct fake_ca *ca, struct status_answer *answer)
{
	(void)ca;
	set_refusal(&answer->refusal, "stale", "your clock is wrong");
}

/* catalogue 54, 56, 65, 23 */
Test(ask_status, refuses_an_answer_that_does_not_hold)
{
	static const struct {
		spoil_status *spoil;
		enum envelope_mischief mischief;
		enum fault_class class;
		const char *text;
		spoil_claims *spoil_claims;
	} rows[] = {
		{NULL, 0, FAULT_UNVERIFIED, "another request", change_in_reply_to},
		{NULL, 0, FAULT_UNVERIFIED, "another request", change_digest},
		{NULL, 0, FAULT_UNVERIFIED, "from \"client3\"", change_iss},
		{NULL, 0, FAULT_UNVERIFIED, "to \"client3\"", change_aud},
		{refuse, 0, FAULT_REFUSED, "the CA refused (stale): your clock is wrong", NULL},
		{NULL, ENVELOPE_REFLECTED, FAULT_UNVERIFIED, "typ", NULL},
		{NULL, ENVELOPE_WRONG_KEY, FAULT_UNVERIFIED, "cannot be decrypted", NULL},
		{NULL, ENVELOPE_WRONG_TYPE, FAULT_UNVERIFIED, "typ", NULL},
		{NULL, ENVELOPE_EMPTY, FAULT_UNVERIFIED, "cannot be decrypted", NULL},
		{NULL, ENVELOPE_HTML, FAULT_UNREACHABLE, "text/html", NULL},
		{NULL, ENVELOPE_NOT_FOUND, FAULT_NOT_FOUND, "", NULL},
	};
	struct fake_ca ca;

	start_fake_ca(&ca, &fixture);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct status_answer answer;

		ca.spoil_status = rows[i].spoil;
		ca.spoil_claims = rows[i].spoil_claims;
		ca.envelope.mischief = rows[i].mischief;
		REFUSED(ask_first(&ca.endpoint, &answer, &fault), rows[i].class, rows[i].text,
			"%zu", i);
	}
	stop_fake_ca(&ca);
}

/* catalogue 65 */
Test(ask_status, refuses_the_answer_to_an_earlier_question)
{
	struct fake_ca ca;
	struct status_answer answer;

	start_fake_ca(&ca, &fixture);
	OK(ask_first(&ca.endpoint, &answer, &fault));
	ca.envelope.mischief = ENVELOPE_OLD;
	REFUSED(ask_first(&ca.endpoint, &answer, &fault), FAULT_UNVERIFIED, "another request");
	stop_fake_ca(&ca);
}

Test(ask_status, says_that_the_ca_cannot_be_reached)
{
	struct endpoint endpoint = dead_endpoint();
	struct status_answer answer;

	REFUSED(ask_first(&endpoint, &answer, &fault), FAULT_UNREACHABLE, "127.0.0.1");
}

Test(ask_status, refuses_a_layout_without_the_cas_key)
{
	struct endpoint endpoint = dead_endpoint();
	struct status_answer answer;

	cr_assert_eq(unlinkat(fixture.layouts[1]->private, "shared_ca.jwk", 0), 0);
	REFUSED(ask_first(&endpoint, &answer, &fault), FAULT_NOT_FOUND, "shared_ca.jwk");
}

static void say_revoked(struct fake_ca *ca, struct status_answer *answer)
{
	answer->status = STATUS_REVOKED;
	answer->revoked_at_s = ca->fixture->now_s - 100;
	(void)strcpy(answer->reason, "keyCompromise");
	(void)strcpy(answer->serial, "0a0b");
}

Test(ask_status, returns_the_answer_of_the_ca)
{
	struct fake_ca ca;
	struct status_answer answer;

	start_fake_ca(&ca, &fixture);
	OK(ask_first(&ca.endpoint, &answer, &fault));
	cr_assert_eq(answer.status, STATUS_GOOD);
	ca.spoil_status = say_revoked;
	OK(ask_first(&ca.endpoint, &answer, &fault));
	cr_assert_eq(answer.status, STATUS_REVOKED);
	cr_assert_eq(answer.revoked_at_s, fixture.now_s - 100);
	cr_assert_str_eq(answer.reason, "keyCompromise");
	cr_assert_str_eq(answer.serial, "0a0b");
	stop_fake_ca(&ca);
}
