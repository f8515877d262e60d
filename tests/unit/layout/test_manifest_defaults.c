#include "tests/support/expect.h"
#include "tests/support/scratch.h"
#include "tests/unit/layout/manifest_rows.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

Test(manifest_defaults, takes_a_batch_that_stands_before_the_clients)
{
	struct manifest *manifest = NULL;

	OK(parse("batch:\n- enroll: [b, a]\nclients: {a: {}, b: {}}\n" HEAD, &manifest, &fault));
	cr_assert_eq(manifest->step_count, 1);
	cr_assert_eq(manifest->steps[0].client_count, 2);
	cr_expect_eq(manifest->steps[0].clients[0], 1);
	cr_expect_eq(manifest->steps[0].clients[1], 0);
	cr_expect_eq(manifest->steps[0].line, 2);
	free_manifest(&manifest);
}

Test(manifest_defaults, joins_layouts_to_its_own_directory)
{
	struct manifest *manifest = NULL;

	OK(parse("version: 1\nca: {layout: root, endpoint: \"http://h:0\"}\n"
		 "clients: {a: {}, b: {layout: /tmp/b, endpoint: \"http://h:0\"}}\n",
		 &manifest, &fault));
	cr_expect_str_eq(manifest->path, "dir/m.yaml");
	cr_expect_str_eq(manifest->directory, "dir");
	cr_expect_str_eq(manifest->ca.layout, "dir/root");
	cr_expect_str_eq(manifest->clients[0].layout, "dir/a");
	cr_expect_str_eq(manifest->clients[1].layout, "/tmp/b");
	free_manifest(&manifest);
}

Test(manifest_defaults, fills_in_what_follows_from_something_else)
{
	struct manifest *manifest = NULL;
	const struct client_node *client;
	struct fault fault = {0};

	cr_assert_eq(parse(CLIENT("{pool: {size: 7, subject: \"CN=x{index}\", alt_names: "
				  "[\"DNS:a\", \"URI:urn:{random}\"]}}"),
			   &manifest, &fault),
		     0, "%s", fault.text);
	client = find_client(manifest, "a", &fault);
	cr_assert_not_null(client);
	cr_expect_str_eq(client->policy.subject, "CN=x{index}");
	cr_assert_eq(client->policy.alt_name_count, 2);
	cr_expect_str_eq(client->policy.alt_names[0], "DNS:a");
	cr_expect_str_eq(client->policy.alt_names[1], "URI:urn:{random}");
	cr_expect_eq(client->policy.certificates, 70);
	for (size_t i = 0; i < KEY_TYPE_COUNT; i++)
		cr_expect(client->policy.keys[i]);
	cr_expect(!client->has_endpoint);
	cr_expect_null(manifest->ca.layout);
	free_manifest(&manifest);
}

Test(manifest_defaults, takes_an_empty_list_of_alternative_names_as_none_allowed)
{
	struct manifest *manifest = NULL;

	OK(parse(CLIENT("{pool: {alt_names: [\"DNS:a\"]}, policy: {alt_names: [], keys: "
			"[rsa-3072]}}"),
		 &manifest, &fault));
	cr_expect_eq(manifest->clients[0].policy.alt_name_count, 0);
	for (size_t i = 0; i < KEY_TYPE_COUNT; i++)
		cr_expect_eq(manifest->clients[0].policy.keys[i], i == KEY_RSA_3072);
	free_manifest(&manifest);
}

Test(manifest_defaults, says_which_clients_there_are)
{
	struct manifest *manifest = NULL;
	struct fault fault = {0};

	cr_assert_eq(parse(HEAD "clients: {a: {}, b: {}}\n", &manifest, &fault), 0);
	cr_expect_null(find_client(manifest, "c", &fault));
	cr_expect_eq(fault.class, FAULT_NOT_FOUND);
	cr_expect_str_eq(fault.text,
			 "expected a client of dir/m.yaml, found \"c\": there are a, b");
	free_manifest(&manifest);
}

/* pki-layout/manifest.yaml without the keys that have a default. */
static const char shortest[] = "version: 1\n"
			       "ca: {layout: ca, endpoint: \"http://127.0.0.1:8440\"}\n"
			       "clients:\n"
			       "  client1: {}\n"
			       "  client2: {endpoint: \"http://127.0.0.1:8442\"}\n";

static void expect_equal_clients(const struct client_node *a, const struct client_node *b)
{
	cr_expect_str_eq(a->name, b->name);
	cr_expect_str_eq(a->layout, b->layout);
	cr_expect_eq(a->pool.size, b->pool.size);
	cr_expect_eq(a->pool.key, b->pool.key);
	cr_expect_str_eq(a->pool.subject, b->pool.subject);
	cr_expect_eq(a->pool.alt_name_count, b->pool.alt_name_count);
	cr_expect_eq(a->pool.batch_size, b->pool.batch_size);
	cr_expect_eq(a->pool.reuse.method, b->pool.reuse.method);
	cr_expect_eq(a->pool.reuse.hold_s, b->pool.reuse.hold_s);
	cr_expect(equal_client_policies(&a->policy, &b->policy));
	cr_expect_eq(a->has_endpoint, b->has_endpoint);
	cr_expect_str_eq(a->endpoint.host, b->endpoint.host);
	cr_expect_eq(a->endpoint.port, b->endpoint.port);
	cr_expect_eq(a->message_limit, b->message_limit);
}

Test(manifest_defaults, documents_the_defaults_as_they_are)
{
	struct manifest *documented = NULL;
	struct manifest *built_in = NULL;

	OK(load_manifest("pki-layout/manifest.yaml", &documented, &fault));
	OK(parse_manifest(bytes_of_string(shortest), "pki-layout/manifest.yaml", &built_in,
			  &fault));
	cr_expect_str_eq(documented->ca.layout, built_in->ca.layout);
	cr_expect_str_eq(documented->ca.endpoint.host, built_in->ca.endpoint.host);
	cr_expect_eq(documented->ca.endpoint.port, built_in->ca.endpoint.port);
	cr_expect_str_eq(documented->ca.subject, built_in->ca.subject);
	cr_expect_eq(documented->ca.key, built_in->ca.key);
	cr_expect_eq(documented->ca.validity_s, built_in->ca.validity_s);
	cr_expect_eq(documented->ca.certificate_validity_s, built_in->ca.certificate_validity_s);
	cr_expect_eq(documented->ca.certificate_backdate_s, built_in->ca.certificate_backdate_s);
	cr_expect_eq(documented->ca.pseudonymous, built_in->ca.pseudonymous);
	cr_expect_eq(documented->ca.rounding.round_s, built_in->ca.rounding.round_s);
	cr_expect_eq(documented->ca.rounding.rounds_compromised,
		     built_in->ca.rounding.rounds_compromised);
	cr_expect_eq(documented->ca.certificate_jitter_percent,
		     built_in->ca.certificate_jitter_percent);
	cr_expect_eq(documented->ca.crl_validity_s, built_in->ca.crl_validity_s);
	cr_expect_eq(documented->ca.free_space, built_in->ca.free_space);
	cr_assert_eq(documented->client_count, 2);
	expect_equal_clients(&documented->clients[0], &built_in->clients[0]);
	expect_equal_clients(&documented->clients[1], &built_in->clients[1]);
	free_manifest(&documented);
	free_manifest(&built_in);
}

/* The limits that the document gives in words. */
Test(manifest_defaults, has_the_defaults_that_are_promised)
{
	struct manifest *manifest = NULL;
	const struct client_node *client;

	OK(parse(shortest, &manifest, &fault));
	cr_expect_str_eq(manifest->ca.subject, "CN=certpool Root CA");
	cr_expect_eq(manifest->ca.key, KEY_ECDSA_P256);
	cr_expect_eq(manifest->ca.validity_s, INT64_C(10) * 365 * 86400);
	cr_expect_eq(manifest->ca.certificate_validity_s, INT64_C(90) * 86400);
	cr_expect_eq(manifest->ca.certificate_backdate_s, 300);
	cr_expect_eq(manifest->ca.certificate_jitter_percent, 0);
	cr_expect_eq(manifest->ca.crl_validity_s, 86400);
	cr_expect_eq(manifest->ca.free_space, 64 * 1024 * 1024);
	cr_expect_null(manifest->ca.root_layout);
	cr_expect_null(manifest->ca.intermediate_subject);
	cr_expect_null(manifest->ca.key_url);
	cr_expect_null(manifest->ca.pin_file);
	cr_expect_null(manifest->ca.passphrase_file);
	cr_expect_null(manifest->ca.crl_url);
	cr_expect_null(manifest->ca.ocsp_url);
	cr_expect_eq(manifest->ca.ocsp_requests_per_minute, 60000);
	cr_expect_null(manifest->ca.root_crl_url);
	cr_expect_eq(manifest->ca.root_crl_validity_s, INT64_C(365) * 86400);
	client = &manifest->clients[0];
	cr_expect_eq(client->pool.size, 20);
	cr_expect_eq(client->pool.key, KEY_ECDSA_P256);
	cr_expect_str_eq(client->pool.subject, "CN={client}-{index}");
	cr_expect_eq(client->pool.alt_name_count, 0);
	cr_expect_eq(client->pool.batch_size, 250);
	cr_expect_eq(client->policy.certificates, 200);
	cr_expect_eq(client->policy.validity_s, 0);
	cr_expect_eq(client->policy.requests_per_minute, 6000);
	cr_expect_eq(client->message_limit, 1048576);
	free_manifest(&manifest);
}

Test(manifest_defaults, ships_a_default_batch_that_covers_the_three_parts)
{
	struct manifest *manifest = NULL;

	OK(load_manifest("pki-layout/manifest.yaml", &manifest, &fault));
	cr_assert_eq(manifest->step_count, 3);
	cr_expect_eq(manifest->steps[0].kind, STEP_ENROLL);
	cr_expect_eq(manifest->steps[0].client_count, 2);
	cr_expect_eq(manifest->steps[1].kind, STEP_SEND);
	cr_expect_eq(manifest->steps[1].from, 0);
	cr_expect_eq(manifest->steps[1].to, 1);
	cr_expect_eq(manifest->steps[1].count, 10);
	cr_expect_str_eq(manifest->steps[1].text, "bonjour");
	cr_expect_eq(manifest->steps[2].kind, STEP_VERIFY);
	cr_expect_eq(manifest->steps[2].by, 1);
	cr_expect(manifest->steps[2].online);
	free_manifest(&manifest);
}

Test(manifest_defaults, loads_every_example_that_is_shipped)
{
	static const char *const examples[] = {
		"pki-layout/examples/small.yaml",
		"pki-layout/examples/factory-line.yaml",
		"pki-layout/examples/offline-root.yaml",
		"pki-layout/examples/mixed-keys.yaml",
		"pki-layout/examples/reuse.yaml",
		"pki-layout/examples/v2x.yaml",
		"pki-layout/examples/wallet.yaml",
		"pki-layout/examples/phone-attestation.yaml",
	};
	int dirfd = open("pki-layout/examples", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < COUNT_OF(examples); i++) {
		struct manifest *manifest = NULL;

		OK(load_manifest(examples[i], &manifest, &fault));
		cr_assert_not_null(manifest);
		cr_expect_gt(manifest->step_count, 0);
		free_manifest(&manifest);
	}
	cr_expect_eq(count_entries(dirfd), COUNT_OF(examples), "an example is not in this test");
	(void)close(dirfd);
}
