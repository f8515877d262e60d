#include "common/ca/backup/take_revocations.h"

#include "common/ca/revocation/publish_crl.h"
#include "common/ca/signer/signed_log.h"
#include "common/ca/store/clients.h"
#include "common/ca/store/issuers.h"
#include "common/ca/store/revoke.h"
#include "common/x509/certificate_fields.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * The record of a CA as a backup had it, copy/ca.db: with one certificate of client1. Since then
 * the CA has issued another one.
 */
static struct ca_fixture ca;
static struct certificate *kept;
static struct certificate *since;
static char path[320];
static struct adopted_issuers issuers;
static struct adoption adoption;
static struct restore_options options;
static struct restore_summary summary;

static void set_up(void)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};

	make_ca(&ca, NOW_S);
	kept = certify_one(&ca, NOW_S);
	(void)snprintf(path, sizeof(path), "%s/ca.db", ca.scratch.path);
	free_authority(&ca.authority);
	copy_file(ca.store_path, path);
	OK(open_ca(&ca, NOW_S, &fault));
	since = certify_one(&ca, NOW_S);
	issuers = (struct adopted_issuers){.count = 1};
	OK(read_file(ca.layout->cert, "root.crt", 10000, &pem, &fault));
	OK(parse_certificate_pem(bytes_of_buffer(&pem), &issuers.certificates[0], &fault));
	adoption = (struct adoption){.location = path,
				     .name = "b.tar",
				     .manifest = ca.manifest,
				     .issuers = &issuers,
				     .now_s = NOW_S + 60};
	options = (struct restore_options){
		.layout = ca.layout, .manifest = ca.manifest, .now_s = NOW_S + 60};
	summary = (struct restore_summary){0};
}

static void tear_down(void)
{
	clear_restore_summary(&summary);
	free_certificate(&issuers.certificates[0]);
	free_certificate(&kept);
	free_certificate(&since);
	remove_ca(&ca);
}

TestSuite(take_revocations, .init = set_up, .fini = tear_down);

static void take(void)
{
	OK(take_revocations(&adoption, &options, &summary, &fault));
}

static void revoke_and_publish(const struct certificate *certificate)
{
	uint8_t serial[1][SERIAL_MAX];
	const struct revocation revocation = {.serials = (const uint8_t(*)[SERIAL_MAX])serial,
					      .serial_count = 1,
					      .by = "ca",
					      .now_s = NOW_S + 1};
	struct ca_crl_options crl = authority_crl_options(ca.authority);
	struct revocation_summary revoked;
	struct crl_info info;

	memcpy(serial[0], certificate_serial(certificate).data, SERIAL_MAX);
	OK(revoke_certificates(crl.store, &revocation, NULL, NULL, &revoked, &fault));
	OK(publish_crl(&crl, CRL_WHEN_DUE, NOW_S + 1, &info, &fault));
}

static bool is_revoked(const struct certificate *certificate)
{
	CLEANUP(free_store) struct store *store = NULL;
	struct certificate_status status = {0};

	OK(open_store(path, &store, &fault));
	OK(read_certificate_status(store, ANY_ISSUER, certificate_serial(certificate), &status,
				   &fault));
	return status.found && status.revoked;
}

static bool is_disabled(const char *name)
{
	CLEANUP(free_store) struct store *store = NULL;
	CLEANUP(clear_client) struct client client = {0};
	bool found = false;

	OK(open_store(path, &store, &fault));
	OK(read_client(store, name, &client, &found, &fault));
	return found && client.disabled;
}

/* catalogue 105 */
Test(take_revocations, takes_in_the_crl_that_lies_in_the_layout)
{
	revoke_and_publish(kept);
	take();
	cr_assert_eq(summary.crl_count, 1);
	cr_expect(summary.crls[0].newer);
	cr_expect_eq(summary.crls[0].revoked, 1);
	cr_expect(is_revoked(kept));
	cr_expect(is_disabled("client1"), "all that the record has of it is revoked");
}

/* catalogue 105: also of what the record lacks */
Test(take_revocations, takes_in_a_serial_that_the_record_lacks)
{
	revoke_and_publish(since);
	take();
	cr_expect_eq(summary.crls[0].unrecorded, 1);
	cr_expect(is_revoked(since));
	cr_expect_not(is_revoked(kept));
	cr_expect_not(is_disabled("client1"));
}

Test(take_revocations, takes_in_a_crl_that_is_given)
{
	CLEANUP(clear_buffer) struct buffer crl = {0};

	revoke_and_publish(kept);
	OK(read_crl(ca.layout, 1, &crl, &fault));
	cr_assert_eq(unlinkat(ca.layout->cert, "ca.crl", 0), 0);
	options.crl = bytes_of_buffer(&crl);
	options.crl_name = "last.crl";
	take();
	cr_expect(is_revoked(kept));
}

Test(take_revocations, refuses_a_crl_that_cannot_be_taken_in)
{
	put_file(ca.layout->cert, "ca.crl", "no CRL", 0644);
	REFUSED(take_revocations(&adoption, &options, &summary, &fault), FAULT_MALFORMED,
		"cert/ca.crl: cannot be taken in: move it away, and give the CA's last CRL");
	cr_assert_eq(unlinkat(ca.layout->cert, "ca.crl", 0), 0);
	options.crl = bytes_of_string("no CRL either");
	options.crl_name = "last.crl";
	REFUSED(take_revocations(&adoption, &options, &summary, &fault), FAULT_MALFORMED,
		"last.crl: ");
}

Test(take_revocations, disables_the_clients_that_were_barred)
{
	put_file(ca.layout->state, "barred", "client2\nnobody\n", 0600);
	take();
	cr_expect_str_eq((const char *)summary.barred.data, "client2");
	cr_expect_eq(summary.barred.len, NAME_SIZE);
	cr_expect(is_disabled("client2"));
	cr_expect_not(is_disabled("client3"));
}

/* By the log of signatures, which survived. */
Test(take_revocations, names_what_was_issued_since)
{
	take();
	cr_assert_eq(summary.lost.len, SERIAL_MAX);
	cr_expect_eq(memcmp(summary.lost.data, certificate_serial(since).data, SERIAL_MAX), 0);
	cr_expect_eq(summary.crl_count, 0, "there was no CRL");
}
