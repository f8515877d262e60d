#include "common/layout/client_policy.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct client_policy policy;

static void set_up(void)
{
	policy = (struct client_policy){0};
	cr_assert_eq(default_client_policy(&policy, NULL), 0);
}

static void tear_down(void)
{
	clear_client_policy(&policy);
}

static void expect_refused(const char *found)
{
	REFUSED(check_client_policy(&policy, &fault), FAULT_USAGE, found);
}

TestSuite(client_policy, .init = set_up, .fini = tear_down);

Test(client_policy, refuses_bad_subjects)
{
	static const struct {
		const char *subject;
		const char *found;
	} rows[] = {
		{"", "subject: expected 1 to 511 octets, found 0"},
		{"CN={name}", "subject: \"CN={name}\": expected no braces"},
		{"CN=a\x1b[1m", "subject: expected text without control characters"},
		{"CN=\xc2\x85", "subject: expected text without control characters"},
		{"CN=\xff", "subject: expected UTF-8"},
	};
	char large[SUBJECT_MAX + 2] = {0};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		cr_assert_eq(set_policy_subject(&policy, rows[i].subject, NULL), 0);
		expect_refused(rows[i].found);
	}
	memset(large, 'x', SUBJECT_MAX + 1);
	cr_assert_eq(set_policy_subject(&policy, large, NULL), 0);
	expect_refused("found 512");
	free(policy.subject);
	policy.subject = NULL;
	expect_refused("found 0");
}

/* catalogue 27 */
Test(client_policy, refuses_what_is_out_of_range)
{
	policy.certificates = 0;
	expect_refused("certificates: expected a whole number from 1 to 10000000, found 0");
	policy.certificates = CERTIFICATES_MAX + 1;
	expect_refused("found 10000001");
	policy.certificates = 1;
	policy.requests_per_minute = 0;
	expect_refused("requests_per_minute: expected a whole number from 1 to 1000000, found 0");
	policy.requests_per_minute = REQUESTS_PER_MINUTE_MAX + 1;
	expect_refused("found 1000001");
	policy.validity_s = -1;
	expect_refused("validity: expected at most 100y, found -1");
	policy.validity_s = INT64_C(100) * 365 * 86400 + 1;
	expect_refused("validity: expected at most 100y");
	memset(policy.keys, 0, sizeof(policy.keys));
	expect_refused("keys: expected a key type, found none");
}

Test(client_policy, refuses_bad_lists_and_keeps_what_it_had)
{
	static const struct {
		const char *text;
		const char *found;
	} names[] =
		{
			{"", "1: expected DNS:, URI:, email: or IP:"},
			{"DNS:a,", "2: expected DNS:"},
			{"DNS:a,,DNS:b", "2: expected DNS:"},
			{"DNS:a,dns:b", "2: expected DNS:, URI:, email: or IP: and a name, found "
					"\"dns:b\""},
			{"DNS:{x}", "found \"{x}\""},
			{"DNS:a\x7f", "control characters"},
			{"none,DNS:a", "1: expected DNS:"},
			{"IP:1,IP:1,IP:1,IP:1,IP:1,IP:1,IP:1,IP:1,IP:1,IP:1,IP:1,IP:1,IP:1,IP:1,"
			 "IP:1,IP:1,IP:1",
			 "expected at most 16 names, found 17"},
		},
	  keys[] = {
		  {"", "\"\" is no key type"},
		  {"p256", "\"p256\" is no key type"},
		  {"ed25519,", "\"\" is no key type"},
		  {"all,ed25519", "\"all\" is no key type"},
		  {"ed25519,ed25519", "expected each key type once"},
		  {"ed25519ed25519ed25519ed25519ed25519ed25519", "is no key type"},
	  };

	cr_assert_eq(parse_alt_name_list("DNS:kept", &policy, NULL), 0);
	for (size_t i = 0; i < COUNT_OF(names); i++)
		REFUSED(parse_alt_name_list(names[i].text, &policy, &fault), FAULT_USAGE,
			names[i].found, "%s", names[i].text);
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		REFUSED(parse_key_list(keys[i].text, &policy, &fault), FAULT_USAGE, keys[i].found,
			"%s", keys[i].text);
	cr_assert_eq(policy.alt_name_count, 1);
	cr_expect_str_eq(policy.alt_names[0], "DNS:kept");
	cr_expect(policy.keys[KEY_RSA_4096]);
}

Test(client_policy, reads_the_lists_that_it_writes)
{
	static const struct {
		const char *names;
		const char *keys;
		const char *all_keys;
	} rows[] = {
		{"none", "ed25519", "ed25519"},
		{"DNS:{client}.example.org,URI:urn:{random},IP:::1", "rsa-2048,rsa-4096", NULL},
		{"email:a@b", "all", "ecdsa-p256,ecdsa-p384,ed25519,rsa-2048,rsa-3072,rsa-4096"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer names = {0};
		CLEANUP(clear_buffer) struct buffer keys = {0};

		OK(parse_alt_name_list(rows[i].names, &policy, &fault));
		OK(parse_key_list(rows[i].keys, &policy, &fault));
		OK(check_client_policy(&policy, &fault));
		append_alt_name_list(&policy, &names);
		append_key_list(&policy, &keys);
		cr_expect_str_eq((const char *)names.data, rows[i].names);
		cr_expect_str_eq((const char *)keys.data,
				 rows[i].all_keys != NULL ? rows[i].all_keys : rows[i].keys);
	}
}

Test(client_policy, copies_are_equal_and_apart)
{
	CLEANUP(clear_client_policy) struct client_policy copy = {0};

	OK(parse_alt_name_list("DNS:a,DNS:b", &policy, &fault));
	OK(copy_client_policy(&policy, &copy, &fault));
	cr_expect(equal_client_policies(&policy, &copy));
	cr_expect_neq(copy.subject, policy.subject);
	cr_expect_neq(copy.alt_names[1], policy.alt_names[1]);
	copy.alt_names[1][4] = 'c';
	cr_expect(!equal_client_policies(&policy, &copy));
	OK(set_policy_alt_names(&copy, policy.alt_names, 2, &fault));
	cr_expect(equal_client_policies(&policy, &copy));
	OK(set_policy_alt_names(&copy, policy.alt_names, 1, &fault));
	cr_expect(!equal_client_policies(&policy, &copy));
	OK(set_policy_alt_names(&copy, policy.alt_names, 2, &fault));
	copy.keys[KEY_ED25519] = false;
	cr_expect(!equal_client_policies(&policy, &copy));
	copy.keys[KEY_ED25519] = true;
	copy.validity_s = 1;
	cr_expect(!equal_client_policies(&policy, &copy));
}

Test(client_policy, has_the_defaults_of_the_manifest)
{
	OK(check_client_policy(&policy, &fault));
	cr_expect_str_eq(policy.subject, "CN={client}-{index}");
	cr_expect_eq(policy.alt_name_count, 0);
	cr_expect_eq(policy.validity_s, 0);
	cr_expect_eq(policy.certificates, 200);
	cr_expect_eq(policy.requests_per_minute, 6000);
}
