#include "common/ca/service/csr_attributes.h"

#include "common/base/hex.h"
#include "common/x509/csr.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <string.h>

/* Attributes of RFC 7030 section 4.5.2's example, of RFC 9908 section 5, and extensions of RFC
   5280. */
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
#define EXTENSIONS(usage, purpose) "3034" EXTENSION_REQUEST "31273025" usage purpose

/* Of RFC 9908 section 3.4: version 0, [0] the key, [1] the attributes. */
#define TEMPLATE "060b2a864886f70d010910023d"
#define NO_ATTRIBUTES "a100"
#define ATTRIBUTES(usage, purpose) "a136" EXTENSIONS(usage, purpose)
#define P256_TEMPLATE                                                                              \
	"302d" TEMPLATE "311e301c020100a015301306072a8648ce3d020106082a8648ce3d03010"              \
	"7" NO_ATTRIBUTES
#define P384_TEMPLATE                                                                              \
	"302a" TEMPLATE "311b3019020100a012301006072a8648ce3d020106052b81040022" NO_ATTRIBUTES
#define ED25519_TEMPLATE "301f" TEMPLATE "3110300e020100a007300506032b6570" NO_ATTRIBUTES
#define USAGE_TEMPLATE(usage, purpose) "304c" TEMPLATE "313d303b020100" ATTRIBUTES(usage, purpose)

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
		{"ecdsa-p256", USE_SIGN, 0, "3046" P256 P256_TEMPLATE},
		{"ecdsa-p384", USE_SIGN, 0, "3040" P384 P384_TEMPLATE},
		{"ed25519", USE_SIGN, 0, "3026" ED25519 ED25519_TEMPLATE},
		{"all", USE_CLIENT, 0,
		 "308184" EXTENSIONS(DIGITAL_SIGNATURE, CLIENT_AUTH)
			 USAGE_TEMPLATE(DIGITAL_SIGNATURE, CLIENT_AUTH)},
		{"all", USE_CLIENT | USE_SERVER | USE_KEY_ENCIPHERMENT,
		 USE_SERVER | USE_KEY_ENCIPHERMENT,
		 "308184" EXTENSIONS(AND_ENCIPHERMENT, SERVER_AUTH)
			 USAGE_TEMPLATE(AND_ENCIPHERMENT, SERVER_AUTH)},
		{"all", USE_CLIENT | USE_SIGN, USE_SIGN,
		 "308184" EXTENSIONS(DIGITAL_SIGNATURE, DOCUMENT_SIGNING)
			 USAGE_TEMPLATE(DIGITAL_SIGNATURE, DOCUMENT_SIGNING)},
		{"ed25519", USE_CLIENT, 0,
		 "308192" ED25519 EXTENSIONS(
			 DIGITAL_SIGNATURE,
			 CLIENT_AUTH) "3055" TEMPLATE
				      "31463044020100a007300506032b6570" ATTRIBUTES(
					      DIGITAL_SIGNATURE, CLIENT_AUTH)},
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

/* The length of an RSA key is that of the key that stands for it. */
Test(csr_attributes, name_the_length_of_an_rsa_key_by_a_key_that_stands_for_it)
{
	CLEANUP(clear_client) struct client client = {.name = "dev"};
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(clear_buffer) struct buffer hex = {0};
	CLEANUP(clear_buffer) struct buffer expected = {0};

	OK(parse_key_list("rsa-2048", &client.policy, &fault));
	client.policy.usages = USE_SIGN;
	append_csr_attributes(&client, 0, &der);
	append_hex(&hex, bytes_of_buffer(&der));
	append_string(&hex, "");
	append_string(&expected, "30820157" RSA_2048 "30820140" TEMPLATE
				 "3182012f3082012b020100a0820122300d06092a864886f70d010101050003820"
				 "10f003082010a0282010100");
	for (size_t i = 0; i < 2048 / 8; i++)
		append_string(&expected, "ff");
	append_string(&expected, "0203010001" NO_ATTRIBUTES);
	cr_expect_str_eq((const char *)hex.data, (const char *)expected.data);
}
