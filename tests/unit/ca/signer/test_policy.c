#include "common/ca/signer/policy.h"

#include "common/x509/certificate_fields.h"
#include "tests/support/expect.h"
#include "tests/support/gnutls_objects.h"
#include "tests/unit/ca/fixture.h"
#include "tests/unit/ca/requests.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* catalogue 43 */
Test(policy, refuses_requests_that_the_policy_does_not_allow)
{
	static const struct {
		enum key_type type;
		const char *client;
		const char *subject;
		const char *alt_name;
		const char *part;
	} rows[] = {
		{KEY_ECDSA_P256, "client1", "CN=client2-1", NULL,
		 "subject: expected \"CN={client}-{index}\", found \"CN=client2-1\""},
		{KEY_ECDSA_P256, "client1", "CN=client1-x", NULL, "found \"CN=client1-x\""},
		{KEY_ECDSA_P256, "client1", "CN=client1-1,O=Acme", NULL, "subject: expected"},
		{KEY_ECDSA_P256, "client1", "CN=Test Root", NULL, "subject: expected"},
		{KEY_ECDSA_P256, "client1", "CN=client1-2", "DNS:bank.example",
		 "alternative name \"DNS:bank.example\" is not allowed"},
		{KEY_ECDSA_P256, "strict", "CN=strict-2", "DNS:client1-2.example",
		 "\"DNS:client1-2.example\" is not allowed"},
		{KEY_ECDSA_P256, "strict", "CN=strict-2", "IP:127.0.0.1", "is not allowed"},
		{KEY_ED25519, "strict", "CN=strict-2", NULL,
		 "keys of type ed25519 are not allowed"},
		{KEY_ECDSA_P384, "strict", "CN=strict-2", NULL, "ecdsa-p384"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(free_private_key) struct private_key *key = make_key(rows[i].type);

		expect_request_refused(rows[i].client,
				       make_csr(key, rows[i].subject, rows[i].alt_name), "policy",
				       rows[i].part);
	}
}

/* Every name counts, not only the first. */
Test(policy, refuses_a_request_whose_second_alternative_name_is_not_allowed)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(clear_alt_names) struct alt_names names = {0};
	struct buffer pem = {0};

	OK(add_alt_name(&names, "DNS:strict-2.example", &fault));
	OK(add_alt_name(&names, "DNS:bank.example", &fault));
	OK(create_csr(key, "CN=strict-2", &names, USE_SIGN, &pem, &fault));
	expect_request_refused("strict", pem, "policy", "\"DNS:bank.example\" is not allowed");
}

Test(policy, takes_subject_and_alternative_names_that_the_policy_allows)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	CLEANUP(clear_alt_names) struct alt_names names = {0};
	struct certificate *certificate;
	struct ca_fixture fixture;

	make_ca(&fixture, NOW_S);
	add_member(&request, "key7", make_csr(key, "CN=strict-7", "DNS:strict-7.example"));
	certify(&fixture, "strict", &request, NOW_S, &answer);
	certificate = parse_member_certificate(&answer, "key7");
	cr_expect_str_eq(certificate_subject(certificate), "CN=strict-7");
	OK(get_certificate_alt_names(certificate, &names, &fault));
	cr_assert_eq(names.count, 1);
	cr_expect_str_eq(names.names[0], "DNS:strict-7.example");
	expect_valid(&fixture, certificate, NOW_S);
	free_certificate(&certificate);
	remove_ca(&fixture);
}

static void ask_for_ca(gnutls_x509_crq_t crq)
{
	cr_assert_eq(gnutls_x509_crq_set_basic_constraints(crq, 1, 5), 0);
	cr_assert_eq(
		gnutls_x509_crq_set_key_usage(crq, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN),
		0);
}

static void ask_for_sign(gnutls_x509_crq_t crq)
{
	cr_assert_eq(gnutls_x509_crq_set_key_purpose_oid(crq, "1.3.6.1.5.5.7.3.36", 0), 0);
}

static void ask_for_any(gnutls_x509_crq_t crq)
{
	cr_assert_eq(gnutls_x509_crq_set_key_purpose_oid(crq, GNUTLS_KP_ANY, 0), 0);
}

static void ask_for_server(gnutls_x509_crq_t crq)
{
	cr_assert_eq(gnutls_x509_crq_set_key_purpose_oid(crq, GNUTLS_KP_TLS_WWW_SERVER, 0), 0);
}

static void ask_for_code(gnutls_x509_crq_t crq)
{
	ask_for_server(crq);
	cr_assert_eq(gnutls_x509_crq_set_key_purpose_oid(crq, GNUTLS_KP_CODE_SIGNING, 0), 0);
}

static void ask_for_encipherment(gnutls_x509_crq_t crq)
{
	ask_for_server(crq);
	cr_assert_eq(gnutls_x509_crq_set_key_usage(crq, GNUTLS_KEY_DIGITAL_SIGNATURE |
								GNUTLS_KEY_KEY_ENCIPHERMENT),
		     0);
}

static struct buffer ask_with_ec(const char *subject, void (*ask)(gnutls_x509_crq_t crq))
{
	return make_foreign_csr(GNUTLS_PK_EC, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
				subject, ask);
}

/* catalogue 43: both lists are named, and nothing is cut. */
Test(policy, refuses_a_request_that_asks_for_more_than_its_usages)
{
	static const struct {
		const char *client;
		const char *subject;
		void (*ask)(gnutls_x509_crq_t crq);
		const char *part;
	} rows[] = {
		{"client1", "CN=client1-1", ask_for_ca,
		 "usages: expected of \"sign\", found \"keyCertSign, cRLSign, CA:TRUE\""},
		{"client1", "CN=client1-1", ask_for_any, "found \"anyExtendedKeyUsage\""},
		{"client1", "CN=client1-1", ask_for_server,
		 "usages: expected of \"sign\", found \"server\""},
		{"web", "CN=web-1", ask_for_code,
		 "usages: expected of \"client,server,key-encipherment\", found \"server, "
		 "codeSigning\""},
		{"web", "CN=web-1", ask_for_encipherment,
		 "usages: key-encipherment: expected an RSA key, found ecdsa-p256"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_request_refused(rows[i].client, ask_with_ec(rows[i].subject, rows[i].ask),
				       "policy", rows[i].part);
}

static void ask_for_a_password(gnutls_x509_crq_t crq)
{
	cr_assert_eq(gnutls_x509_crq_set_challenge_password(crq, "secret"), 0);
}

static unsigned int certified_usages(struct ca_fixture *fixture, const char *client,
				     struct buffer pem)
{
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	CLEANUP(free_certificate) struct certificate *certificate = NULL;

	add_member(&request, "key1", pem);
	certify(fixture, client, &request, NOW_S, &answer);
	certificate = parse_member_certificate(&answer, "key1");
	expect_valid(fixture, certificate, NOW_S);
	return find_usages(certificate_fields(certificate));
}

/* A request that names none gets all of its policy; key encipherment has to be asked for. */
Test(policy, gives_the_usages_that_a_request_names_or_else_all)
{
	struct ca_fixture fixture;

	make_ca(&fixture, NOW_S);
	cr_expect_eq(certified_usages(&fixture, "client1",
				      ask_with_ec("CN=client1-1", ask_for_a_password)),
		     USE_SIGN);
	cr_expect_eq(certified_usages(&fixture, "web", ask_with_ec("CN=web-1", NULL)),
		     USE_CLIENT | USE_SERVER);
	cr_expect_eq(certified_usages(&fixture, "web", ask_with_ec("CN=web-2", ask_for_server)),
		     USE_SERVER);
	cr_expect_eq(certified_usages(&fixture, "web",
				      make_foreign_csr(GNUTLS_PK_RSA, 2048, "CN=web-3",
						       ask_for_encipherment)),
		     USE_SERVER | USE_KEY_ENCIPHERMENT);
	remove_ca(&fixture);
}

static void set_usages(struct ca_fixture *fixture, const char *name, unsigned int usages)
{
	struct store *store = authority_store(fixture->authority);
	CLEANUP(clear_client) struct client client = {0};
	bool found;

	OK(read_client(store, name, &client, &found, &fault));
	client.policy.usages = usages;
	OK(write_client(store, &client, CLIENT_CHANGE, NOW_S, &fault));
}

/* Without extKeyUsage the certificate would do for a server, too. */
Test(policy, names_sign_in_a_certificate_where_it_has_more)
{
	struct ca_fixture fixture;

	make_ca(&fixture, NOW_S);
	cr_expect_eq(
		certified_usages(&fixture, "client1", ask_with_ec("CN=client1-1", ask_for_sign)),
		USE_SIGN);
	set_usages(&fixture, "client1", USE_SIGN | USE_CLIENT);
	cr_expect_eq(
		certified_usages(&fixture, "client1", ask_with_ec("CN=client1-2", ask_for_sign)),
		USE_SIGN | USE_NAMED_SIGN);
	remove_ca(&fixture);
}

Test(policy, compares_subjects_in_one_form)
{
	static const struct {
		const char *subject;
		bool allowed;
	} rows[] = {
		{"CN=spaced-1,O=Acme\\, Inc,C=FR", true},
		{"cn=spaced-2,  o=Acme\\, Inc, C=FR", true},
		{"CN=spaced-3", false},
		{"C=FR,O=Acme\\, Inc,CN=spaced-4", false},
		{"CN=client1-5,O=Acme\\, Inc,C=FR", false},
	};
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	struct ca_fixture fixture;
	char name[NAME_SIZE];

	make_ca(&fixture, NOW_S);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);

		(void)snprintf(name, sizeof(name), "key%zu", i);
		add_member(&request, name, make_csr(key, rows[i].subject, NULL));
	}
	certify(&fixture, "spaced", &request, NOW_S, &answer);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		(void)snprintf(name, sizeof(name), "key%zu", i);
		cr_expect_eq(find_pem(&answer, name) != NULL, rows[i].allowed, "row %zu", i);
		if (!rows[i].allowed)
			expect_member_refused(&answer, name, "policy", "subject: expected");
	}
	remove_ca(&fixture);
}
