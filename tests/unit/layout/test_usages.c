#include "common/layout/usages.h"

#include "common/layout/manifest.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>

Test(usages, refuses_what_is_no_list_of_usages)
{
	static const struct {
		const char *text;
		const char *part;
	} rows[] = {
		{"", "\"\" is no usage: expected sign, client, server, email or key-encipherment"},
		{"Server", "\"Server\" is no usage"},
		{"serverAuth", "\"serverAuth\" is no usage"},
		{"client,", "\"\" is no usage"},
		{"client, server", "\" server\" is no usage"},
		{"client,server,client", "expected each usage once, found client again"},
		{"key-encipherment", "key-encipherment: expected server beside it"},
		{"client,key-encipherment", "key-encipherment: expected server beside it"},
	};
	unsigned int usages = 77;

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		REFUSED(parse_usage_list(rows[i].text, &usages, &fault), FAULT_USAGE, rows[i].part);
	cr_expect_eq(usages, 77);
}

Test(usages, writes_a_list_as_it_is_read)
{
	static const struct {
		const char *text;
		const char *written;
		unsigned int usages;
	} rows[] = {
		{"sign", "sign", USE_SIGN},
		{"server,client", "client,server", USE_CLIENT | USE_SERVER},
		{"key-encipherment,email,server,client,sign",
		 "sign,client,server,email,key-encipherment", PLAIN_USAGES | USE_KEY_ENCIPHERMENT},
	};
	char text[USAGES_TEXT_SIZE];

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		unsigned int usages;

		OK(parse_usage_list(rows[i].text, &usages, &fault));
		cr_expect_eq(usages, rows[i].usages);
		format_usages(usages, text);
		cr_expect_str_eq(text, rows[i].written);
	}
}

#define CLIENT(text) "version: 1\nca: {endpoint: \"http://127.0.0.1:1\"}\nclients: {c: " text "}\n"

static const struct client_node *read_client_of(const char *text, struct manifest **manifest)
{
	OK(parse_manifest(bytes_of_string(text), "/m.yaml", manifest, &fault));
	return &(*manifest)->clients[0];
}

Test(usages, of_a_policy_are_those_of_its_pool_unless_it_has_some)
{
	static const struct {
		const char *text;
		unsigned int pool;
		unsigned int policy;
	} rows[] = {
		{CLIENT("{}"), USE_SIGN, USE_SIGN},
		{CLIENT("{pool: {usages: [server]}}"), USE_SERVER, USE_SERVER},
		{CLIENT("{policy: {usages: [client, sign]}}"), USE_SIGN, USE_CLIENT | USE_SIGN},
		{CLIENT("{pool: {usages: [client]}, policy: {usages: [client, email]}}"),
		 USE_CLIENT, USE_CLIENT | USE_EMAIL},
		{CLIENT("{pool: {key: rsa-2048, usages: [server, key-encipherment]}}"),
		 USE_SERVER | USE_KEY_ENCIPHERMENT, USE_SERVER | USE_KEY_ENCIPHERMENT},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(free_manifest) struct manifest *manifest = NULL;
		const struct client_node *client = read_client_of(rows[i].text, &manifest);

		cr_expect_eq(client->pool.usages, rows[i].pool, "row %zu", i);
		cr_expect_eq(client->policy.usages, rows[i].policy, "row %zu", i);
	}
}

Test(usages, in_a_manifest_are_a_list_of_each_once)
{
	static const struct {
		const char *text;
		const char *part;
	} rows[] = {
		{CLIENT("{pool: {usages: server}}"), "clients.c.pool.usages: expected a list"},
		{CLIENT("{pool: {usages: []}}"), "clients.c.pool.usages: expected a usage"},
		{CLIENT("{pool: {usages: [tls]}}"), "\"tls\" is no usage"},
		{CLIENT("{policy: {usages: [sign, sign]}}"), "expected each usage once"},
		{CLIENT("{policy: {usages: [key-encipherment]}}"), "expected server beside it"},
		{CLIENT("{pool: {usages: [server, key-encipherment]}}"),
		 "key-encipherment: expected an RSA key beside it, found ecdsa-p256"},
		{CLIENT("{pool: {usages: [server, sign]}, policy: {usages: [client, server]}}"),
		 "pool.usages: expected of \"client,server\", the usages of the policy beside it, "
		 "found \"sign,server\""},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(free_manifest) struct manifest *manifest = NULL;

		REFUSED(parse_manifest(bytes_of_string(rows[i].text), "/m.yaml", &manifest, &fault),
			FAULT_USAGE, rows[i].part);
	}
}
