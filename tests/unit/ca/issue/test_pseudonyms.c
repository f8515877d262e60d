#include "common/layout/ca_profile.h"

#include "common/ca/store/clients.h"
#include "common/ca/store/revoke.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/csr.h"
#include "common/x509/distinguished_name.h"
#include "common/x509/revocation/crl_reason.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"
#include "tests/unit/ca/records.h"
#include "tests/unit/ca/requests.h"

#include <criterion/criterion.h>
#include <string.h>

/* What a CA with ca.profile: pseudonymous writes into certificates, and refuses. */

enum { WEEK_S = 7 * 86400, HOUR_S = 3600, BACKDATE_S = 300 };

static struct ca_fixture fixture;

static void set_up(void)
{
	make_ca(&fixture, NOW_S);
	fixture.manifest->ca.pseudonymous = true;
}

static void tear_down(void)
{
	remove_ca(&fixture);
}

TestSuite(pseudonyms, .init = set_up, .fini = tear_down);

static void ask(const char *client, struct buffer pem, int64_t now_s,
		struct certificates_answer *answer)
{
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};

	add_member(&request, "key1", pem);
	certify(&fixture, client, &request, now_s, answer);
}

static void expect_pseudonym(const char *subject)
{
	cr_expect_eq(strlen(subject), 35, "%s", subject);
	cr_expect(match_template(PSEUDONYM_SUBJECT, "", subject), "%s", subject);
}

/* The record says whose it is, and a repeated request has the same answer. */
Test(pseudonyms, draws_the_subject_whatever_the_request_says)
{
	static const char *const subjects[] = {"CN=client1-1", "O=Somebody else"};

	for (size_t i = 0; i < COUNT_OF(subjects); i++) {
		CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
		CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
		CLEANUP(clear_certificates_answer) struct certificates_answer again = {0};
		CLEANUP(free_certificate) struct certificate *certificate = NULL;
		CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
		uint8_t digest[SHA256_LEN];
		bool found;

		ask("client1", make_csr(key, subjects[i], NULL), NOW_S, &answer);
		certificate = parse_member_certificate(&answer, "key1");
		expect_pseudonym(certificate_subject(certificate));
		public_key_sha256(certificate_public_key(certificate), digest);
		OK(find_by_key(authority_store(fixture.authority), digest, &record, &found,
			       &fault));
		cr_assert(found);
		cr_expect_str_eq(record.client, "client1");
		cr_expect_str_eq(record.subject, certificate_subject(certificate));
		ask("client1", make_csr(key, subjects[i], NULL), NOW_S + 1, &again);
		cr_expect(equal_bytes(bytes_of_buffer(find_pem(&answer, "key1")),
				      bytes_of_buffer(find_pem(&again, "key1"))));
	}
}

Test(pseudonyms, gives_no_subject_beside_alternative_names)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	struct client client = {0};
	struct extension names;
	bool found;

	OK(read_client(authority_store(fixture.authority), "strict", &client, &found, &fault));
	OK(parse_alt_name_list("DNS:{random}.example", &client.policy, &fault));
	OK(write_client(authority_store(fixture.authority), &client, CLIENT_CHANGE, NOW_S, &fault));
	ask("strict", make_csr(key, "CN=strict-1", "DNS:0123456789abcdef0123456789abcdef.example"),
	    NOW_S, &answer);
	clear_client(&client);
	certificate = parse_member_certificate(&answer, "key1");
	cr_expect_str_eq(certificate_subject(certificate), "");
	OK(find_extension(certificate_fields(certificate)->extensions, EXTENSION_SUBJECT_ALT_NAME,
			  &names, &found, &fault));
	cr_expect(found && names.critical);
	expect_valid(&fixture, certificate, NOW_S);
}

Test(pseudonyms, refuses_names_of_clients_and_keys_of_other_types)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(free_private_key) struct private_key *other = make_key(KEY_ED25519);
	CLEANUP(clear_certificates_answer) struct certificates_answer named = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer typed = {0};

	ask("strict", make_csr(key, "CN=strict-1", "DNS:strict-1.example"), NOW_S, &named);
	expect_member_refused(&named, "key1", "policy",
			      "alternative name \"DNS:strict-1.example\" is not allowed");
	ask("client1", make_csr(other, "CN=client1-1", NULL), NOW_S, &typed);
	expect_member_refused(&typed, "key1", "policy", "keys of type ed25519 are not allowed");
	cr_expect_eq(count_rows(&fixture), 0);
}

static void expect_times(int64_t now_s, int64_t begin_s, int64_t end_s)
{
	CLEANUP(free_certificate) struct certificate *certificate = certify_one(&fixture, now_s);

	cr_expect_eq(certificate_not_before(certificate), begin_s);
	cr_expect_eq(certificate_not_after(certificate), end_s);
	expect_valid(&fixture, certificate, now_s);
}

/* The CA's own certificate began in the middle of a day. */
Test(pseudonyms, rounds_times_to_days_of_utc)
{
	const int64_t day_s = NOW_S - NOW_S % DAY_S;

	fixture.manifest->ca.certificate_jitter_percent = 50;
	expect_times(NOW_S, day_s, day_s + 90 * DAY_S);
	expect_times(day_s + DAY_S - 1, day_s, day_s + 90 * DAY_S);
	expect_times(day_s + DAY_S + BACKDATE_S, day_s + DAY_S, day_s + 91 * DAY_S);
	fixture.manifest->ca.certificate_validity_s = 3 * DAY_S - 1;
	expect_times(NOW_S, day_s, day_s + 2 * DAY_S);
}

/* As certificates begin before now by the other profile. */
Test(pseudonyms, begin_early_enough_for_clocks_that_are_behind)
{
	const int64_t day_s = NOW_S - NOW_S % DAY_S + DAY_S;

	cr_assert_eq(fixture.manifest->ca.certificate_backdate_s, BACKDATE_S);
	expect_times(day_s, day_s - DAY_S, day_s + 89 * DAY_S);
	expect_times(day_s + BACKDATE_S - 1, day_s - DAY_S, day_s + 89 * DAY_S);
	fixture.manifest->ca.windows = (struct pool_windows){60, 0, 2, 0};
	fixture.manifest->ca.certificate_validity_s = 120;
	expect_times(day_s + 59, day_s - 60, day_s + 60);
}

Test(pseudonyms, rounds_times_to_the_windows_of_the_pools)
{
	const int64_t week_s = NOW_S - NOW_S % WEEK_S;

	fixture.manifest->ca.windows = (struct pool_windows){WEEK_S, HOUR_S, 2, 0};
	fixture.manifest->ca.certificate_validity_s = 30 * DAY_S;
	expect_times(NOW_S, week_s, week_s + 4 * WEEK_S + HOUR_S);
}

Test(pseudonyms, ends_with_a_window_before_the_cas_own_certificate)
{
	const int64_t end_s =
		certificate_not_after(issuer_certificate(authority_issuer(fixture.authority)));
	const int64_t last_s = end_s - end_s % DAY_S;
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

	expect_times(last_s - 10 * DAY_S + BACKDATE_S, last_s - 10 * DAY_S, last_s);
	fixture.manifest->ca.windows = (struct pool_windows){WEEK_S, HOUR_S, 2, 0};
	ask("client1", make_csr(key, "CN=client1-1", NULL), end_s - end_s % WEEK_S + BACKDATE_S,
	    &answer);
	cr_expect_not_null(strstr(answer.refusal.detail,
				  "expected the end of a window before that of the CA's own "
				  "certificate: its operator renews that with certpool rotate ca"),
			   "%s", answer.refusal.detail);
}

Test(pseudonyms, refuses_a_policy_whose_validity_is_too_short)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

	fixture.manifest->ca.certificate_validity_s = 2 * DAY_S - 1;
	ask("client1", make_csr(key, "CN=client1-1", NULL), NOW_S, &answer);
	cr_expect_str_eq(answer.refusal.type, "policy");
	cr_expect_not_null(strstr(answer.refusal.detail,
				  "validity: expected at least 172800 s, as times are rounded to "
				  "windows (ca.profile: pseudonymous), found 172799 s"),
			   "%s", answer.refusal.detail);
}
