#include "common/ca/issue/issuing_key.h"

#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>

#define YEAR_S (365 * DAY_S)

static struct ca_fixture fixture;

static void set_up(void)
{
	make_ca(&fixture, NOW_S);
}

static void tear_down(void)
{
	remove_ca(&fixture);
}

TestSuite(issuing_key, .init = set_up, .fini = tear_down);

/* catalogue 50, 94 */
Test(issuing_key, refuses_a_root_that_is_expired_or_not_yet_valid)
{
	static const struct {
		int64_t at_s;
		const char *part;
	} rows[] = {
		{NOW_S - 301, "not yet valid: it begins at 2026-09-21T14:08:20Z"},
		{NOW_S - 3600, "set this machine's clock right"},
		{0, "it is 1970-01-01T00:00:00Z now"},
		{NOW_S + 10 * YEAR_S + 1, "the CA's root expired at 2036-09-18T"},
		{NOW_S + 20 * YEAR_S, "make a new CA"},
	};

	free_authority(&fixture.authority);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		REFUSED(open_ca(&fixture, rows[i].at_s, &fault), FAULT_REFUSED, rows[i].part,
			"row %zu", i);
		SAID("cert/root.crt: ");
	}
}

static void put_root(struct bytes der)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};

	OK(format_certificate_pem(der, &pem, &fault));
	put_bytes(fixture.layout->cert, "root.crt", bytes_of_buffer(&pem), 0644);
}

/* catalogue 50 */
Test(issuing_key, refuses_a_root_of_another_key)
{
	const struct validity validity = {NOW_S - 1, NOW_S + YEAR_S};
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct authority_made made;

	free_authority(&fixture.authority);
	OK(create_root(key, "CN=Test Root", &validity, &der, &fault));
	put_root(bytes_of_buffer(&der));
	REFUSED(open_ca(&fixture, NOW_S, &fault), FAULT_REFUSED,
		"cert/root.crt and Private/root.key: the private key "
		"is not that of the certificate");
	REFUSED(init_ca(&fixture, NOW_S, &made, &fault), FAULT_REFUSED,
		"restore both from a backup");
}

/* catalogue 50: a member's certificate and its key in the root's place. */
Test(issuing_key, refuses_a_root_that_is_no_ca)
{
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(clear_secret) struct secret pem = {0};
	struct certificate *certificate;

	add_member(&request, "key1", make_csr(key, "CN=client1-1", NULL));
	certify(&fixture, "client1", &request, NOW_S, &answer);
	certificate = parse_member_certificate(&answer, "key1");
	free_authority(&fixture.authority);
	put_root(certificate_der(certificate));
	OK(format_private_key(key, &pem, &fault));
	put_file(fixture.layout->private, "root.key", (const char *)pem.data, 0600);
	REFUSED(open_ca(&fixture, NOW_S, &fault), FAULT_REFUSED, "is no root to certify with");
	free_certificate(&certificate);
}

/* catalogue 39 */
Test(issuing_key, refuses_a_root_that_is_no_certificate)
{
	free_authority(&fixture.authority);
	put_file(fixture.layout->cert, "root.crt", "-----BEGIN CERTIFICATE-----\nAAAA", 0644);
	REFUSED(open_ca(&fixture, NOW_S, &fault), FAULT_MALFORMED, "cert/root.crt: ");
}
