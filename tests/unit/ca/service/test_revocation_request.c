#include "common/ca/service/revocation_request.h"

#include "common/ca/revocation/publish_crl.h"
#include "common/ca/store/certificates.h"
#include "common/x509/revocation/crl_reason.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* A CA with one certificate of client1 and one of client2. */
struct scene {
	struct ca_fixture fixture;
	uint8_t serials[3][SERIAL_MAX]; /* client1's, client2's, not issued */
};

static struct scene scene;

enum { OWN, OTHERS, NOT_ISSUED };

static void certify_for(const char *client, uint8_t serial[static SERIAL_MAX])
{
	struct certificates_request request = {0};
	struct certificates_answer answer = {0};
	CLEANUP(free_certificate) struct certificate *certificate = NULL;

	add_members(&request, client, 1, 1);
	certify(&scene.fixture, client, &request, NOW_S, &answer);
	certificate = parse_member_certificate(&answer, "key1");
	memcpy(serial, certificate_serial(certificate).data, SERIAL_MAX);
	clear_certificates_request(&request);
	clear_certificates_answer(&answer);
}

static void set_up(void)
{
	make_ca(&scene.fixture, NOW_S);
	certify_for("client1", scene.serials[OWN]);
	certify_for("client2", scene.serials[OTHERS]);
}

static void tear_down(void)
{
	remove_ca(&scene.fixture);
}

TestSuite(revocation_request, .init = set_up, .fini = tear_down);

/* Asks, as client1, for `count` serials from the first on. */
static struct revocation_answer ask(size_t first, size_t count, int64_t now_s)
{
	const struct revocation_request request = {.serials = &scene.serials[first],
						   .serial_count = count,
						   .reason = REASON_KEY_COMPROMISE};
	struct revocation_answer answer = {0};

	OK(revoke_own(scene.fixture.authority, "client1", &request, now_s, &answer, &fault));
	return answer;
}

static bool is_revoked(size_t which)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	bool found;

	OK(find_by_serial(authority_store(scene.fixture.authority), scene.serials[which], &record,
			  &found, &fault));
	return found && record.revoked;
}

/* catalogue 68 */
Test(revocation_request, refuses_certificates_of_another_client)
{
	static const struct {
		size_t first;
		size_t count;
		const char *type;
	} rows[] = {
		{OTHERS, 1, "not_yours"},
		{OWN, 2, "not_yours"},
		{NOT_ISSUED, 1, "not_issued"},
		{OWN, 3, "not_yours"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct revocation_answer answer = ask(rows[i].first, rows[i].count, NOW_S);

		cr_expect_str_eq(answer.refusal.type, rows[i].type, "row %zu", i);
		cr_expect_eq(answer.revoked_count, 0, "row %zu", i);
		cr_expect_not(is_revoked(OWN), "row %zu", i);
		cr_expect_not(is_revoked(OTHERS), "row %zu", i);
		clear_revocation_answer(&answer);
	}
}

/* catalogue 59 */
Test(revocation_request, revokes_once_and_keeps_the_first_date)
{
	for (int again = 0; again < 2; again++) {
		struct revocation_answer answer = ask(OWN, 1, NOW_S + 60 * again);

		cr_expect_str_empty(answer.refusal.type);
		cr_assert_eq(answer.revoked_count, 1);
		cr_expect_eq(answer.revoked[0].revoked_at_s, NOW_S);
		cr_expect_eq(answer.revoked[0].reason, REASON_KEY_COMPROMISE);
		cr_expect_eq(answer.revoked[0].already, again == 1);
		cr_expect_str_eq(answer.revoked[0].member, "key1");
		clear_revocation_answer(&answer);
	}
	cr_expect(is_revoked(OWN));
	cr_expect_not(is_revoked(OTHERS));
}

static uint64_t revoke_and_publish(int64_t now_s, bool publish)
{
	const struct ca_crl_options options = authority_crl_options(scene.fixture.authority);
	struct revocation_answer answer = ask(OWN, 1, now_s);
	uint64_t number = answer.crl_number;
	struct crl_info info;

	clear_revocation_answer(&answer);
	if (publish)
		OK(publish_crl(&options, CRL_WHEN_DUE, now_s, &info, &fault));
	return number;
}

/* catalogue 114: no CRL is made for it, and the answer says which one will have it. */
Test(revocation_request, says_which_crl_will_have_it)
{
	const struct ca_crl_options options = authority_crl_options(scene.fixture.authority);
	struct crl_info info;

	OK(publish_crl(&options, CRL_WHEN_DUE, NOW_S, &info, &fault));
	cr_expect_eq(info.number, 1);
	cr_expect_eq(revoke_and_publish(NOW_S, false), 2);
	cr_expect_eq(revoke_and_publish(NOW_S, true), 2, "not made yet");
	cr_expect_eq(revoke_and_publish(NOW_S, false), 2, "made, with all that is revoked");
	OK(publish_crl(&options, CRL_WHEN_DUE, NOW_S, &info, &fault));
	cr_expect_eq(info.number, 2);
}
