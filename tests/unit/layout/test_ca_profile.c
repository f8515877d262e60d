#include "common/layout/ca_profile.h"

#include "tests/support/expect.h"
#include "tests/unit/layout/manifest_rows.h"

#include <criterion/criterion.h>
#include <string.h>

#define CA(text) "version: 1\nca:\n  endpoint: \"http://127.0.0.1:8440\"\n" text
#define PSEUDONYMOUS(text) CA("  profile: pseudonymous\n" text)
#define A(text) PSEUDONYMOUS("clients:\n  a: {" text "}\n")

Test(ca_profile, refuses_what_is_no_profile_or_does_not_go_with_it)
{
	static const struct refusal_row rows[] = {
		{CA("  profile: anonymous\n"), "4:12",
		 "ca.profile: expected default or pseudonymous, found anonymous"},
		{CA("  profile: [pseudonymous]\n"), "4:12", "ca.profile: expected a single value"},
		{CA("  certificates: {key: ed25519}\n"), "4:18",
		 "ca.certificates.key: expected profile: pseudonymous beside certificates, found "
		 "none"},
		{CA("  certificates: {key: dsa}\n"), "4:23", "ca.certificates.key: "},
		{CA("  shuffle: {window: 1s}\n"), "4:3",
		 "ca.shuffle: expected profile: pseudonymous beside it, found none"},
		{PSEUDONYMOUS("  shuffle: {}\n"), "5:12",
		 "ca.shuffle: expected the key window, found none"},
		{PSEUDONYMOUS("  shuffle: 1s\n"), "5:12", "ca.shuffle: expected a mapping"},
		{PSEUDONYMOUS("  shuffle: {window: 11s}\n"), "5:21",
		 "ca.shuffle.window: expected 1 to 10"},
		{PSEUDONYMOUS("  shuffle: {seconds: 1}\n"), "5:13",
		 "expected one of the keys window, found \"seconds\""},
		{PSEUDONYMOUS("  certificates: {jitter: 1%}\n"), "5:26",
		 "ca.certificates.jitter: expected none with profile: pseudonymous"},
		{PSEUDONYMOUS("  certificates: {validity: 47h}\n"), "5:28",
		 "ca.certificates.validity: expected a validity of at least 172800 s with "
		 "profile: pseudonymous, as times are rounded to windows, found 169200 s"},
		{PSEUDONYMOUS("  windows: {every: 60d, overlap: 1h}\n"), "4:12",
		 "ca.profile: expected a validity of at least 10371600 s"},
		{A("pool: {subject: \"CN={random}\"}"), "6:14",
		 "clients.a.pool.subject: expected none with ca.profile: pseudonymous, as the CA "
		 "draws the subject of each certificate"},
		{A("policy: {subject: CN=a}"), "6:16", "clients.a.policy.subject: expected none"},
		{A("pool: {alt_names: [\"DNS:{random}\", \"DNS:{client}.example\"]}"), "6:42",
		 "expected no {client} with ca.profile: pseudonymous, found "
		 "\"DNS:{client}.example\""},
		{A("policy: {alt_names: [\"URI:{client}\"]}"), "6:28", "expected no {client}"},
		{A("policy: {keys: [ecdsa-p256]}"), "6:16",
		 "clients.a.policy.keys: expected none with ca.profile: pseudonymous, whose one "
		 "type of keys ca.certificates.key says: ecdsa-p256"},
		{A("policy: {validity: 47h}"), "6:26",
		 "clients.a.policy.validity: expected at least 172800 s with ca.profile: "
		 "pseudonymous, as times are rounded to windows, found 169200 s"},
		{A("pool: {key: ed25519}"), "6:19",
		 "clients.a.pool.key: expected ecdsa-p256, the one type of keys with ca.profile: "
		 "pseudonymous (ca.certificates.key), found ed25519"},
	};

	expect_refusals(rows, COUNT_OF(rows));
}

static void count_keys(const struct client_policy *policy, size_t expected)
{
	size_t count = 0;

	for (size_t i = 0; i < KEY_TYPE_COUNT; i++)
		count += policy->keys[i];
	cr_expect_eq(count, expected);
}

Test(ca_profile, leaves_every_client_one_subject_and_one_type_of_keys)
{
	CLEANUP(free_manifest) struct manifest *manifest = NULL;

	OK(parse(PSEUDONYMOUS("  certificates: {key: ed25519}\n"
			      "clients: {a: {}, b: {pool: {alt_names: [\"URI:{random}\"]}}}\n"),
		 &manifest, &fault));
	cr_expect(manifest->ca.pseudonymous);
	cr_expect_eq(manifest->ca.rounding.round_s, 3600);
	cr_expect_not(manifest->ca.rounding.rounds_compromised);
	for (size_t i = 0; i < 2; i++) {
		cr_expect_eq(manifest->clients[i].pool.key, KEY_ED25519);
		cr_expect_str_eq(manifest->clients[i].policy.subject, "CN={random}");
		cr_expect(manifest->clients[i].policy.keys[KEY_ED25519]);
		count_keys(&manifest->clients[i].policy, 1);
	}
	cr_expect_eq(manifest->clients[1].policy.alt_name_count, 1);
}

Test(ca_profile, changes_nothing_by_default)
{
	CLEANUP(free_manifest) struct manifest *manifest = NULL;

	OK(parse(CA("  profile: default\n  revocation: {round: 10m, round_key_compromise: true}\n"
		    "clients: {a: {pool: {alt_names: [\"URI:{client}\"]}}}\n"),
		 &manifest, &fault));
	cr_expect_not(manifest->ca.pseudonymous);
	cr_expect_eq(manifest->ca.rounding.round_s, 600);
	cr_expect(manifest->ca.rounding.rounds_compromised);
	OK(restrict_policy(&manifest->ca, &manifest->clients[0].policy, &fault));
	cr_expect_str_eq(manifest->clients[0].policy.subject, SUBJECT_DEFAULT);
	cr_expect_eq(manifest->clients[0].policy.alt_name_count, 1);
	count_keys(&manifest->clients[0].policy, KEY_TYPE_COUNT);
}

/* The operator may have set such names before the CA had the profile. */
Test(ca_profile, drops_names_with_that_of_the_client_from_a_policy)
{
	static const char names[] = "URI:{client},DNS:{random}.example,DNS:x-{client}";
	const struct ca_node ca = {.pseudonymous = true, .certificate_key = KEY_ED25519};
	CLEANUP(clear_client_policy) struct client_policy policy = {0};

	OK(default_client_policy(&policy, &fault));
	OK(parse_alt_name_list(names, &policy, &fault));
	OK(restrict_policy(&ca, &policy, &fault));
	cr_assert_eq(policy.alt_name_count, 1);
	cr_expect_str_eq(policy.alt_names[0], "DNS:{random}.example");
	count_keys(&policy, 1);
}
