#include "common/ca/issue/certify_batch.h"

#include "tests/support/expect.h"
#include "tests/support/gnutls_objects.h"
#include "tests/unit/ca/fixture.h"
#include "tests/unit/ca/records.h"
#include "tests/unit/ca/requests.h"

#include <criterion/criterion.h>
#include <string.h>

/* One request of a batch is refused, the others are certified. */

#define YEAR_S (365 * DAY_S)

static struct buffer text_buffer(const char *text)
{
	struct buffer buffer = {0};

	append_string(&buffer, text);
	return buffer;
}

/* catalogue 31, 47 */
Test(certify_batch_refusals, refuses_text_that_is_no_certificate_request)
{
	static const char *const texts[] = {
		"",
		"key1",
		"-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n",
		"-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n",
		"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
	};

	for (size_t i = 0; i < COUNT_OF(texts); i++)
		expect_request_refused("client1", text_buffer(texts[i]), "bad_request", "");
}

/* catalogue 42: for every type of key that there is. */
Test(certify_batch_refusals, refuses_a_proof_that_is_not_by_the_key)
{
	static const enum key_type types[] = {KEY_ECDSA_P256, KEY_ECDSA_P384, KEY_ED25519,
					      KEY_RSA_2048};

	for (size_t i = 0; i < COUNT_OF(types); i++) {
		CLEANUP(free_private_key) struct private_key *key = make_key(types[i]);

		expect_request_refused("client1",
				       tamper_csr(make_csr(key, "CN=client1-2", NULL), 3),
				       "bad_proof", "");
	}
}

/* catalogue 42: the key of one request, the signature of another. */
Test(certify_batch_refusals, refuses_a_request_signed_by_another_key)
{
	gnutls_x509_crq_t crq = NULL;
	CLEANUP(free_private_key) struct private_key *own = make_key(KEY_ECDSA_P256);
	CLEANUP(free_private_key) struct private_key *other = make_key(KEY_ECDSA_P256);
	CLEANUP(free_public_key) struct public_key *public_key = NULL;
	CLEANUP(clear_secret) struct secret other_pem = {0};
	gnutls_privkey_t signer;
	gnutls_pubkey_t pubkey;
	gnutls_datum_t pem = {0};
	struct buffer text = {0};

	OK(format_private_key(other, &other_pem, &fault));
	OK(get_public_key(own, &public_key, &fault));
	signer = gnutls_privkey_of(bytes_of_secret(&other_pem));
	pubkey = gnutls_pubkey_of(public_key_spki(public_key));
	cr_assert_eq(gnutls_x509_crq_init(&crq), 0);
	cr_assert_eq(gnutls_x509_crq_set_version(crq, 1), 0);
	cr_assert_eq(gnutls_x509_crq_set_dn(crq, "CN=client1-2", NULL), 0);
	cr_assert_eq(gnutls_x509_crq_set_pubkey(crq, pubkey), 0);
	cr_assert_eq(gnutls_x509_crq_privkey_sign(crq, signer, GNUTLS_DIG_SHA256, 0), 0);
	cr_assert_eq(gnutls_x509_crq_export2(crq, GNUTLS_X509_FMT_PEM, &pem), 0);
	append_bytes(&text, (struct bytes){pem.data, pem.size});
	gnutls_free(pem.data);
	gnutls_x509_crq_deinit(crq);
	gnutls_pubkey_deinit(pubkey);
	gnutls_privkey_deinit(signer);
	expect_request_refused("client1", text, "bad_proof", "");
}

/* catalogue 45 */
Test(certify_batch_refusals, refuses_keys_that_are_weak_or_not_of_our_types)
{
	static const struct {
		gnutls_pk_algorithm_t algorithm;
		unsigned int bits;
	} rows[] = {
		{GNUTLS_PK_RSA, 1024},
		{GNUTLS_PK_EC, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP192R1)},
		{GNUTLS_PK_EC, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP224R1)},
		{GNUTLS_PK_EC, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP521R1)},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_request_refused(
			"client1",
			make_foreign_csr(rows[i].algorithm, rows[i].bits, "CN=client1-2", NULL),
			"bad_request", "");
}

static void set_common_name(gnutls_x509_crq_t crq, const char *name, unsigned int len)
{
	cr_assert_eq(gnutls_x509_crq_set_dn_by_oid(crq, GNUTLS_OID_X520_COMMON_NAME, 0, name, len),
		     0);
}

static void name_with_newline(gnutls_x509_crq_t crq)
{
	set_common_name(crq, "client1-2\nX", 11);
}

static void name_with_nul(gnutls_x509_crq_t crq)
{
	set_common_name(crq, "client1-2\0X", 11);
}

static void name_that_turns_direction(gnutls_x509_crq_t crq)
{
	set_common_name(crq, "client1-2\xe2\x80\xae", 12);
}

static void name_of_64k(gnutls_x509_crq_t crq)
{
	static char name[65537];

	memset(name, 'a', sizeof(name) - 1);
	set_common_name(crq, name, sizeof(name) - 1);
}

static void name_too_long(gnutls_x509_crq_t crq)
{
	static const char name[] =
		"0123456789012345678901234567890123456789012345678901234567890123"
		"4567890123456789";

	set_common_name(crq, name, sizeof(name) - 1);
}

/* catalogue 46 */
Test(certify_batch_refusals, refuses_names_that_deceive)
{
	static void (*const asks[])(gnutls_x509_crq_t crq) = {
		name_with_newline, name_with_nul, name_that_turns_direction,
		name_of_64k,       name_too_long, NULL,
	};

	for (size_t i = 0; i < COUNT_OF(asks); i++)
		expect_request_refused(
			"client1",
			make_foreign_csr(GNUTLS_PK_EC,
					 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), NULL,
					 asks[i]),
			"bad_request", "");
}

/* catalogue 44 */
Test(certify_batch_refusals, refuses_the_cas_own_key)
{
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct ca_fixture fixture;

	make_ca(&fixture, NOW_S);
	OK(read_file(fixture.layout->private, "root.key", 10000, &pem, &fault));
	OK(parse_private_key(bytes_of_buffer(&pem), &key, &fault));
	add_member(&request, "key1", make_csr(key, "CN=client1-1", NULL));
	certify(&fixture, "client1", &request, NOW_S, &answer);
	expect_member_refused(&answer, "key1", "key_taken", "the CA's own");
	cr_expect_eq(count_rows(&fixture), 0);
	remove_ca(&fixture);
}

/* catalogue 44 */
Test(certify_batch_refusals, refuses_a_key_that_is_certified_for_another_client)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(clear_certificates_request) struct certificates_request first = {0};
	CLEANUP(clear_certificates_request) struct certificates_request second = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	struct ca_fixture fixture;

	make_ca(&fixture, NOW_S);
	add_member(&first, "key1", make_csr(key, "CN=client1-1", NULL));
	add_member(&second, "key1", make_csr(key, "CN=client2-1", NULL));
	certify(&fixture, "client1", &first, NOW_S, &answer);
	clear_certificates_answer(&answer);
	certify(&fixture, "client2", &second, NOW_S, &answer);
	expect_member_refused(&answer, "key1", "key_taken", "certified for another client");
	cr_expect_eq(count_rows(&fixture), 1);
	remove_ca(&fixture);
}

Test(certify_batch_refusals, refuses_a_key_whose_certificate_was_revoked)
{
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	struct ca_fixture fixture;

	make_ca(&fixture, NOW_S);
	add_members(&request, "client1", 1, 1);
	certify(&fixture, "client1", &request, NOW_S, &answer);
	clear_certificates_answer(&answer);
	run_foreign_sql(fixture.store_path, "UPDATE certificate SET revoked_at = 1, reason = 1");
	certify(&fixture, "client1", &request, NOW_S, &answer);
	expect_member_refused(&answer, "key1", "revoked", "make another key");
	cr_expect_eq(count_rows(&fixture), 1);
	remove_ca(&fixture);
}

Test(certify_batch_refusals, refuses_requests_over_the_quota_and_certifies_the_rest)
{
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	struct ca_fixture fixture;

	make_ca(&fixture, NOW_S);
	add_members(&request, "few", 1, 5);
	certify(&fixture, "few", &request, NOW_S, &answer);
	cr_expect_eq(answer.certificate_count, 3);
	expect_member_refused(&answer, "key4", "quota",
			      "few may have 3 certificates that are neither expired nor revoked");
	expect_member_refused(&answer, "key5", "quota",
			      "few may have 3 certificates that are neither expired nor revoked");
	clear_certificates_answer(&answer);
	certify(&fixture, "few", &request, NOW_S, &answer);
	cr_expect_eq(answer.certificate_count, 3, "its certificates stay");
	cr_expect_eq(answer.refusal_count, 2);
	cr_expect_eq(count_rows(&fixture), 3);
	remove_ca(&fixture);
}

/* catalogue 50, 94 */
Test(certify_batch_refusals, issues_nothing_when_the_root_is_not_valid)
{
	static const int64_t times[] = {NOW_S - 3600, NOW_S + 10 * YEAR_S + 1};
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	struct ca_fixture fixture;

	make_ca(&fixture, NOW_S);
	add_members(&request, "client1", 1, 1);
	for (size_t i = 0; i < COUNT_OF(times); i++) {
		struct certificates_answer answer = {0};

		REFUSED(certify_batch(fixture.authority, "client1", &request, times[i], &answer,
				      &fault),
			FAULT_REFUSED, "the CA's root");
		cr_expect_null(answer.certificates);
	}
	cr_expect_eq(count_rows(&fixture), 0);
	remove_ca(&fixture);
}
