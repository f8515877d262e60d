#include "tests/unit/ca/acme/served_acme.h"

#include "common/base/hex.h"
#include "common/ca/store/certificates.h"
#include "common/ca/store/issuers.h"
#include "common/crypto/base64.h"
#include "common/x509/certificate_fields.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* Certificates that are there: how they are given out, revoked and replaced. */

static struct served_acme served;

static void set_up(void)
{
	serve_acme_alone(&served, 0);
}

static void tear_down(void)
{
	stop_acme_alone(&served);
}

TestSuite(certificate_answers, .init = set_up, .fini = tear_down);

enum { URL_SIZE = 2048 };

/* Orders and finalizes; the record of the certificate. `replaces` as in newOrder; "": none. */
static unsigned int certify_replacing(const char *replaces, struct issued_certificate *ret_record)
{
	CLEANUP(clear_answered) struct answered order = {0};
	CLEANUP(clear_answered) struct answered finalized = {0};
	CLEANUP(clear_buffer) struct buffer finalize = {0};
	CLEANUP(clear_buffer) struct buffer payload = {0};
	uint8_t serial[SERIAL_MAX];
	char url[URL_SIZE];
	bool found;

	append_string(&payload,
		      "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"strict-1.example\"}]");
	if (replaces[0] != '\0')
		append_format(&payload, ",\"replaces\":\"%s\"", replaces);
	append_string(&payload, "}");
	ask(&served, ACME_PATH "new-order", (const char *)payload.data, &order);
	if (order.response.status != 201)
		return order.response.status;
	copy_answer_text(&order, "finalize", url, sizeof(url));
	make_finalize(&finalize);
	ask(&served, url, (const char *)finalize.data, &finalized);
	copy_answer_text(&finalized, "certificate", url, sizeof(url));
	cr_assert(parse_hex(strrchr(url, '/') + 1, serial, SERIAL_MAX));
	OK(find_by_serial(served_store(&served), serial, ret_record, &found, &fault));
	cr_assert(found);
	return finalized.response.status;
}

/* RFC 9773 section 4.1. */
static void identify(const struct issued_certificate *record, char *ret_id, size_t size)
{
	CLEANUP(clear_buffer) struct buffer id = {0};
	const struct issuer *issuer = authority_issuer(served.fixture.authority);

	append_base64url(&id, find_subject_key_id(certificate_fields(issuer_certificate(issuer))));
	append_string(&id, ".");
	append_base64url(&id, (struct bytes){record->serial, SERIAL_MAX});
	(void)snprintf(ret_id, size, "%s", (const char *)id.data);
}

Test(certificate_answers, let_a_certificate_be_replaced_once)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate first = {0};
	CLEANUP(clear_issued_certificate) struct issued_certificate second = {0};
	CLEANUP(clear_issued_certificate) struct issued_certificate third = {0};
	char id[128];

	cr_assert_eq(certify_replacing("", &first), 200);
	identify(&first, id, sizeof(id));
	cr_expect_eq(certify_replacing(id, &second), 200);
	cr_expect_eq(certify_replacing(id, &third), 409);
	identify(&second, id, sizeof(id));
	cr_expect_eq(certify_replacing(id, &third), 200, "what replaced it can be replaced itself");
}

Test(certificate_answers, replace_nobody_elses_certificate)
{
	CLEANUP(free_certificate) struct certificate *other = certify_one(&served.fixture, NOW_S);
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	CLEANUP(clear_issued_certificate) struct issued_certificate none = {0};
	char id[128];
	bool found;

	OK(find_by_serial(served_store(&served), certificate_serial(other).data, &record, &found,
			  &fault));
	identify(&record, id, sizeof(id));
	cr_expect_eq(certify_replacing(id, &none), 400);
}

static void revoke(const struct issued_certificate *record, int reason,
		   struct answered *ret_answered)
{
	CLEANUP(clear_buffer) struct buffer payload = {0};

	append_string(&payload, "{\"certificate\":\"");
	append_base64url(&payload, bytes_of_buffer(&record->der));
	append_format(&payload, "\",\"reason\":%d}", reason);
	ask(&served, ACME_PATH "revoke-cert", (const char *)payload.data, ret_answered);
}

Test(certificate_answers, revoke_a_certificate_of_the_accounts_client_once)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	CLEANUP(clear_answered) struct answered wrong = {0};
	CLEANUP(clear_answered) struct answered revoked = {0};
	CLEANUP(clear_answered) struct answered again = {0};
	struct certificate_status status;

	cr_assert_eq(certify_replacing("", &record), 200);
	revoke(&record, 7, &wrong);
	cr_expect_str_eq(wrong.outcome.problem.type, "badRevocationReason");
	revoke(&record, 4, &revoked);
	cr_expect_eq(revoked.response.status, 200);
	OK(read_certificate_status(served_store(&served), ANY_ISSUER,
				   (struct bytes){record.serial, SERIAL_MAX}, &status, &fault));
	cr_expect(status.revoked);
	cr_expect_eq(status.reason, 4);
	revoke(&record, 4, &again);
	cr_expect_str_eq(again.outcome.problem.type, "alreadyRevoked");
}

Test(certificate_answers, revoke_nobody_elses_certificate)
{
	CLEANUP(free_certificate) struct certificate *other = certify_one(&served.fixture, NOW_S);
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	CLEANUP(clear_answered) struct answered refused = {0};
	CLEANUP(clear_answered) struct answered given = {0};
	char path[128];
	bool found;

	OK(find_by_serial(served_store(&served), certificate_serial(other).data, &record, &found,
			  &fault));
	revoke(&record, 1, &refused);
	cr_expect_str_eq(refused.outcome.problem.type, "unauthorized");
	(void)snprintf(path, sizeof(path), ACME_PATH "certificate/");
	format_hex((struct bytes){record.serial, SERIAL_MAX}, path + strlen(path));
	ask(&served, path, "", &given);
	cr_expect_str_eq(given.outcome.problem.type, "notFound", "nor is it given out");
}
