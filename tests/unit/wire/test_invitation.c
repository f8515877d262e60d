#include "common/wire/invitation.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define KEY                                                                                        \
	"\"shared_key\":{\"kty\":\"oct\",\"alg\":\"A256KW\",\"kid\":\"AAAAAAAAAAAAAAAAAAAAAA\","   \
	"\"k\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\"}"
#define HEAD "\"certpool\":\"invitation\",\"version\":1,"
#define DIGEST                                                                                     \
	"\"root_sha256\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\","
#define POOL "\"pool\":{\"size\":20,\"key\":\"ecdsa-p256\",\"subject\":\"CN={client}-{index}\"},"
#define WAY "\"from\":\"ca\",\"to\":\"client3\",\"endpoint\":\"http://127.0.0.1:8440\","

Test(invitation, refuses_text_that_is_no_invitation)
{
	static const struct {
		const char *json;
		const char *part;
	} rows[] = {
		{"{}", "expected a member \"certpool\""},
		{"not json", "JSON"},
		{"{\"certpool\":\"x\",\"version\":1," WAY DIGEST POOL KEY "}", "\"invitation\""},
		{"{\"certpool\":\"invitation\",\"version\":2," WAY DIGEST POOL KEY "}",
		 "\"version\":1"},
		{"{" HEAD WAY POOL KEY "}", "root_sha256"},
		{"{" HEAD WAY DIGEST KEY "}", "pool"},
		{"{" HEAD WAY "\"root_sha256\":\"AB\"," POOL KEY "}", "64 lower-case hex digits"},
		{"{" HEAD "\"from\":\"ca\",\"to\":\"client3\"," DIGEST POOL KEY "}", "endpoint"},
		{"{" HEAD "\"from\":\"ca\",\"to\":\"../x\"," DIGEST POOL KEY "}", "name"},
		{"{" HEAD "\"from\":\"client1\",\"to\":\"ca\"," KEY "}", "another client"},
		{"{" HEAD "\"from\":\"client1\",\"to\":\"client1\"," KEY "}", "another client"},
		{"{" HEAD "\"from\":\"client1\",\"to\":\"client2\"," DIGEST KEY "}", "CA's"},
		{"{" HEAD WAY DIGEST
		 "\"pool\":{\"size\":0,\"key\":\"ecdsa-p256\",\"subject\":\"CN=x\"}," KEY "}",
		 "size"},
		{"{" HEAD WAY DIGEST
		 "\"pool\":{\"size\":1,\"key\":\"des\",\"subject\":\"CN=x\"}," KEY "}",
		 "key type"},
		{"{" HEAD WAY DIGEST POOL "\"shared_key\":{\"kty\":\"oct\"}}", "shared"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct invitation invitation = {0};

		REFUSED(parse_invitation(bytes_of_string(rows[i].json), &invitation, &fault),
			ANY_CLASS, NULL, "row %zu", i);
		cr_expect(strstr(last_refusal()->text, rows[i].part) != NULL ||
				  i == COUNT_OF(rows) - 1,
			  "row %zu: %s", i, last_refusal()->text);
		NOT_SAID("AAECAwQ");
	}
}

Test(invitation, reads_what_it_writes)
{
	struct invitation invitation = {.from = "ca",
					.to = "client3",
					.has_endpoint = true,
					.endpoint = {"::1", 8440, false},
					.from_ca = true,
					.root_sha256 = {0xab, 0xcd},
					.pool_size = 7,
					.pool_key = KEY_ED25519};
	struct invitation parsed = {0};
	struct secret json = {0};

	invitation.pool_subject = strdup("CN={random}");
	invitation.pool_usages = USE_SIGN | USE_SERVER;
	OK(generate_shared_key(&invitation.key, &fault));
	OK(format_invitation(&invitation, &json, &fault));
	OK(parse_invitation(bytes_of_secret(&json), &parsed, &fault));
	cr_expect_str_eq(parsed.to, "client3");
	cr_expect_str_eq(parsed.endpoint.host, "::1");
	cr_expect_arr_eq(parsed.root_sha256, invitation.root_sha256, SHA256_LEN);
	cr_expect_eq(parsed.pool_size, 7);
	cr_expect_eq(parsed.pool_key, KEY_ED25519);
	cr_expect_str_eq(parsed.pool_subject, "CN={random}");
	cr_expect_eq(parsed.pool_usages, USE_SIGN | USE_SERVER);
	cr_expect_arr_eq(parsed.key.key, invitation.key.key, SHARED_KEY_LEN);
	clear_secret(&json);
	clear_invitation(&parsed);
	clear_invitation(&invitation);
}

Test(invitation, between_clients_needs_neither_root_nor_endpoint)
{
	struct invitation parsed = {0};

	OK(parse_invitation(
		bytes_of_string("{" HEAD "\"from\":\"client1\",\"to\":\"client2\"," KEY "}"),
		&parsed, &fault));
	cr_expect_not(parsed.from_ca);
	cr_expect_not(parsed.has_endpoint);
	clear_invitation(&parsed);
}
