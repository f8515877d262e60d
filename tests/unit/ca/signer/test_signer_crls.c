#include "common/ca/revocation/publish_crl.h"
#include "common/ca/signer/signed_log.h"
#include "common/ca/signer/signer.h"
#include "common/ca/store/revoke.h"
#include "common/ca/store/statement.h"
#include "common/ca/store/unrecorded.h"
#include "common/x509/revocation/crl_builder.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <string.h>

/* The CRLs that a front which was taken over could order, of the signer of a CA. */

static struct ca_fixture fixture;

static void set_up(void)
{
	make_ca(&fixture, NOW_S);
}

static void tear_down(void)
{
	remove_ca(&fixture);
}

TestSuite(signer_crls, .init = set_up, .fini = tear_down);

/* Certifies and revokes one certificate of client1, and publishes the CRL. */
static void revoke_one(uint8_t ret_serial[static SERIAL_MAX], uint64_t *ret_number)
{
	const struct certificate_query everything = {0};
	const struct revocation revocation = {.query = &everything, .by = "ca", .now_s = NOW_S};
	struct ca_crl_options options = authority_crl_options(fixture.authority);
	struct certificate *certificate = certify_one(&fixture, NOW_S);
	struct revocation_summary summary;
	struct crl_info info;

	memcpy(ret_serial, certificate_serial(certificate).data, SERIAL_MAX);
	free_certificate(&certificate);
	OK(revoke_certificates(authority_store(fixture.authority), &revocation, NULL, NULL,
			       &summary, &fault));
	OK(publish_crl(&options, CRL_ANYWAY, NOW_S, &info, &fault));
	*ret_number = info.number;
}

/* Orders a CRL with the one entry, or with none. */
static int order_crl(uint64_t number, const uint8_t *serial, int64_t now_s, struct fault *fault)
{
	CLEANUP(clear_crl_builder) struct crl_builder builder = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	const struct crl_options options = {.number = number,
					    .this_update_s = now_s,
					    .next_update_s = now_s + DAY_S,
					    .now_s = now_s};
	struct crl_entry entry = {.revoked_at_s = NOW_S};

	if (serial != NULL)
		memcpy(entry.serial, serial, SERIAL_MAX);
	if (begin_crl(&builder, authority_issuer(fixture.authority), &options, fault) < 0 ||
	    (serial != NULL && add_crl_entry(&builder, &entry, fault) < 0))
		return -1;
	return finish_crl(&builder, &der, fault);
}

/* catalogue 123 */
Test(signer_crls, refuses_a_crl_that_lost_an_entry_or_whose_number_does_not_grow)
{
	uint8_t serial[SERIAL_MAX];
	uint64_t number;
	size_t logged;

	revoke_one(serial, &number);
	logged = count_signed(&fixture, SIGNED_CRL);
	REFUSED(order_crl(number + 1, NULL, NOW_S, &fault), FAULT_REFUSED, "expected the entry of");
	REFUSED(order_crl(number, serial, NOW_S, &fault), FAULT_REFUSED,
		"expected a greater number");
	REFUSED(order_crl(number - 1, serial, NOW_S, &fault), FAULT_REFUSED,
		"expected a greater number");
	cr_expect_eq(count_signed(&fixture, SIGNED_CRL), logged);
	OK(order_crl(number + 1, serial, NOW_S, &fault));
	cr_expect_eq(count_signed(&fixture, SIGNED_CRL), logged + 1);
}

/* catalogue 123 */
Test(signer_crls, refuses_a_crl_that_lost_a_revocation_whose_certificate_is_not_recorded)
{
	const struct unrecorded revocation = {
		.serial = {0x4c}, .not_after_s = NOW_S + DAY_S, .revoked_at_s = NOW_S};
	struct ca_crl_options options = authority_crl_options(fixture.authority);
	struct crl_info info;

	{
		CLEANUP(end_transaction) struct transaction transaction = {0};
		bool added;

		OK(begin_transaction(authority_store(fixture.authority), TRANSACTION_WRITE,
				     &transaction, &fault));
		OK(add_unrecorded(&transaction, &revocation, &added, &fault));
		OK(commit_transaction(&transaction, &fault));
	}
	OK(publish_crl(&options, CRL_ANYWAY, NOW_S, &info, &fault));
	REFUSED(order_crl(info.number + 1, NULL, NOW_S, &fault), FAULT_REFUSED,
		"expected the entry of 4c00");
}

/* The signer remembers what it signed: a CRL that was not published, or taken away, counts too. */
Test(signer_crls, refuses_a_shrunken_crl_when_the_last_one_is_gone)
{
	uint8_t serial[SERIAL_MAX];
	uint64_t number;

	revoke_one(serial, &number);
	OK(remove_file(fixture.layout->cert, CRL_FILE, &fault));
	REFUSED(order_crl(number + 1, NULL, NOW_S, &fault), FAULT_REFUSED, "expected the entry of");
	REFUSED(order_crl(number, serial, NOW_S, &fault), FAULT_REFUSED,
		"expected a greater number");
}

Test(signer_crls, signs_a_crl_without_what_has_ended)
{
	const int64_t later_s = NOW_S + 100 * DAY_S;
	uint8_t serial[SERIAL_MAX];
	uint64_t number;

	revoke_one(serial, &number);
	OK(order_crl(number + 1, NULL, later_s, &fault));
}
