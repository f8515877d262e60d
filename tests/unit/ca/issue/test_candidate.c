#include "common/ca/issue/candidate.h"

#include "common/ca/store/revoke.h"
#include "common/x509/certificate_fields.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <string.h>

/* A CA, one of its clients, and one request. */
static struct ca_fixture ca;
static struct client client;
static struct issue_options options;
static struct candidate candidate;
static struct issued_certificate record;

/* As another client from here on. */
static void become(const char *name)
{
	bool found = false;

	clear_client(&client);
	OK(read_client(options.store, name, &client, &found, &fault));
	cr_assert(found);
}

static void set_up(void)
{
	make_ca(&ca, NOW_S);
	client = (struct client){0};
	candidate = (struct candidate){.name = "key1"};
	record = (struct issued_certificate){0};
	options = (struct issue_options){.issuer = authority_issuer(ca.authority),
					 .store = authority_store(ca.authority),
					 .client = &client,
					 .validity = {NOW_S - 300, NOW_S + 90 * DAY_S},
					 .now_s = NOW_S};
	public_key_sha256(certificate_public_key(issuer_certificate(options.issuer)),
			  options.issuer_key_sha256);
	become("client1");
}

static void forget(void)
{
	clear_candidate(&candidate);
	clear_issued_certificate(&record);
	candidate = (struct candidate){.name = "key1"};
	record = (struct issued_certificate){0};
}

static void tear_down(void)
{
	forget();
	clear_client(&client);
	remove_ca(&ca);
}

TestSuite(candidate, .init = set_up, .fini = tear_down);

static void examine(const struct private_key *key, const char *subject)
{
	CLEANUP(clear_buffer) struct buffer pem = make_csr(key, subject, NULL);

	forget();
	OK(examine_candidate(&options, bytes_of_buffer(&pem), &candidate, &record, &fault));
}

static void expect_refused(const char *type, const char *part)
{
	cr_expect_str_eq(candidate.refusal.type, type, "%s", candidate.refusal.detail);
	cr_expect_not_null(strstr(candidate.refusal.detail, part), "%s", candidate.refusal.detail);
	cr_expect_not(candidate.is_new);
	cr_expect_eq(candidate.body.len + candidate.der.len, 0);
}

/* Certifies the key for client1. */
static void certify_key(const struct private_key *key)
{
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

	add_member(&request, "key1", make_csr(key, "CN=client1-1", NULL));
	certify(&ca, "client1", &request, NOW_S, &answer);
	cr_assert_eq(answer.certificate_count, 1);
}

Test(candidate, has_the_body_of_its_certificate_and_its_row_when_it_is_new)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);

	examine(key, "CN=client1-1");
	cr_assert_not(is_refused(&candidate.refusal), "%s", candidate.refusal.detail);
	cr_expect(candidate.is_new);
	cr_expect_gt(candidate.body.len, 0);
	cr_expect_eq(candidate.der.len, 0, "nothing is signed yet");
	cr_expect_eq(candidate.issuer, 1);
	cr_expect_str_eq(record.client, "client1");
	cr_expect_str_eq(record.member, "key1");
	cr_expect_str_eq(record.subject, "CN=client1-1");
	cr_expect_eq(record.not_after_s, NOW_S + 90 * DAY_S);
	cr_expect_eq(memcmp(record.key_sha256, candidate.key_sha256, SHA256_LEN), 0);
}

Test(candidate, ends_earlier_by_at_most_the_jitter)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	int64_t earliest_s = INT64_MAX;

	options.jitter_s = DAY_S;
	for (size_t i = 0; i < 64; i++) {
		examine(key, "CN=client1-1");
		cr_assert_leq(record.not_after_s, NOW_S + 90 * DAY_S);
		cr_assert_geq(record.not_after_s, NOW_S + 89 * DAY_S);
		if (record.not_after_s < earliest_s)
			earliest_s = record.not_after_s;
	}
	cr_expect_lt(earliest_s, NOW_S + 90 * DAY_S);
}

/* catalogue 31 */
Test(candidate, is_refused_when_it_is_no_request)
{
	OK(examine_candidate(&options, bytes_of_string("no request"), &candidate, &record, &fault));
	expect_refused("bad_request", "");
	cr_expect_not(candidate.has_key);
}

Test(candidate, is_refused_with_the_key_of_the_ca)
{
	examine(issuer_key(options.issuer), "CN=client1-1");
	expect_refused("key_taken", "the public key is the CA's own");
	cr_expect(candidate.has_key);
}

Test(candidate, is_refused_beyond_its_clients_policy)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P384);

	become("strict");
	examine(key, "CN=strict-1");
	expect_refused("policy", "ecdsa-p384");
}

/* A public key is certified once: for whom, and how it ended, decides what comes of it. */
Test(candidate, has_the_certificate_that_its_key_has)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);

	certify_key(key);
	examine(key, "CN=client1-2");
	cr_expect_not(is_refused(&candidate.refusal), "%s", candidate.refusal.detail);
	cr_expect_not(candidate.is_new);
	cr_expect_gt(candidate.der.len, 0);
	become("client2");
	examine(key, "CN=client2-1");
	expect_refused("key_taken", "certified for another client");
	become("client1");
	options.now_s = NOW_S + 91 * DAY_S;
	examine(key, "CN=client1-1");
	expect_refused("key_spent", "has expired");
}

Test(candidate, is_refused_when_the_certificate_of_its_key_was_revoked)
{
	const struct certificate_query everything = {0};
	const struct revocation revocation = {.query = &everything, .by = "ca", .now_s = NOW_S};
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	struct revocation_summary summary;

	certify_key(key);
	OK(revoke_certificates(options.store, &revocation, NULL, NULL, &summary, &fault));
	examine(key, "CN=client1-1");
	expect_refused("revoked", "was revoked: make another key");
}
