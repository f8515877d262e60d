#include "common/ca/service/csr_attributes.h"

#include "common/base/hex.h"
#include "common/x509/csr.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <string.h>

/* Attributes of RFC 7030 section 4.5.2's example, of RFC 9908 section 5, and extensions of RFC
 * 5280.
 */
#define P256 "301506072a8648ce3d0201310a06082a8648ce3d030107"
#define P384 "301206072a8648ce3d0201310706052b81040022"
#define ED25519 "06032b6570"
#define RSA_2048 "301106092a864886f70d010101310402020800"
#define EXTENSION_REQUEST "06092a864886f70d01090e"
#define DIGITAL_SIGNATURE "300e0603551d0f0101ff040403020780"
#define AND_ENCIPHERMENT "300e0603551d0f0101ff0404030205a0"
#define CLIENT_AUTH "30130603551d25040c300a06082b06010505070302"
#define SERVER_AUTH "30130603551d25040c300a06082b06010505070301"
#define DOCUMENT_SIGNING "30130603551d25040c300a06082b06010505070324"

Test(csr_attributes, name_an_only_key_type_and_the_usages_that_a_request_would_get)
{
	static const struct {
		const char *keys;
		unsigned int policy;
		unsigned int label;
		const char *expected;
	} rows[] = {
		{"all", USE_SIGN, 0, ""},
		{"ecdsa-p256,rsa-2048", USE_SIGN, USE_SIGN, ""},
		{"ecdsa-p256", USE_SIGN, 0, "3017" P256},
		{"ecdsa-p384", USE_SIGN, 0, "3014" P384},
		{"ed25519", USE_SIGN, 0, "3005" ED25519},
		{"rsa-2048", USE_SIGN, 0, "3013" RSA_2048},
		{"all", USE_CLIENT, 0,
		 "30363034" EXTENSION_REQUEST "31273025" DIGITAL_SIGNATURE CLIENT_AUTH},
		{"all", USE_CLIENT | USE_SERVER | USE_KEY_ENCIPHERMENT,
		 USE_SERVER | USE_KEY_ENCIPHERMENT,
		 "30363034" EXTENSION_REQUEST "31273025" AND_ENCIPHERMENT SERVER_AUTH},
		{"all", USE_CLIENT | USE_SIGN, USE_SIGN,
		 "30363034" EXTENSION_REQUEST "31273025" DIGITAL_SIGNATURE DOCUMENT_SIGNING},
		{"ed25519", USE_CLIENT, 0,
		 "303b" ED25519 "3034" EXTENSION_REQUEST "31273025" DIGITAL_SIGNATURE CLIENT_AUTH},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_client) struct client client = {.name = "dev"};
		CLEANUP(clear_buffer) struct buffer der = {0};
		CLEANUP(clear_buffer) struct buffer hex = {0};

		OK(parse_key_list(rows[i].keys, &client.policy, &fault));
		client.policy.usages = rows[i].policy;
		append_csr_attributes(&client, rows[i].label, &der);
		append_hex(&hex, bytes_of_buffer(&der));
		append_string(&hex, "");
		cr_expect_str_eq((const char *)hex.data, rows[i].expected, "row %zu: %s", i,
				 (const char *)hex.data);
	}
}
