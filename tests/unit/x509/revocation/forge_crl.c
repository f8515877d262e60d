#include "tests/unit/x509/revocation/forge_crl.h"

#include "common/x509/signed_object.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <string.h>

struct bytes crl_extensions_of(struct bytes extensions)
{
	return item(DER_CONTEXT_CONSTRUCTED, item(DER_SEQUENCE, extensions));
}

struct bytes crl_number_extension(struct bytes number)
{
	return extension(20, false, item(DER_INTEGER, number));
}

struct forged_crl forged_crl(void)
{
	return (struct forged_crl){
		.version = OCTETS("\x02\x01\x01"),
		.algorithm = ecdsa_sha256,
		.issuer = common_name("Root"),
		.this_update = item(DER_UTC_TIME, OCTETS("260921141320Z")),
		.next_update = item(DER_UTC_TIME, OCTETS("260922141320Z")),
		.extensions = crl_extensions_of(
			JOIN(authority_key_id("root"), crl_number_extension(OCTETS("\x07")))),
	};
}

struct bytes revoked_list(struct bytes entries)
{
	return item(DER_SEQUENCE, entries);
}

struct bytes revoked_entry(struct bytes serial, const char *time, struct bytes extensions)
{
	uint8_t tag = strlen(time) == 13 ? DER_UTC_TIME : DER_GENERALIZED_TIME;

	return item(DER_SEQUENCE,
		    JOIN(item(DER_INTEGER, serial), item(tag, bytes_of_string(time)),
			 extensions.len > 0 ? item(DER_SEQUENCE, extensions) : extensions));
}

struct bytes reason_extension(uint8_t reason)
{
	return extension(21, false, item(DER_ENUMERATED, (struct bytes){&reason, 1}));
}

struct bytes forge_crl(const struct forged_crl *forged, const struct private_key *signer)
{
	struct bytes body =
		item(DER_SEQUENCE,
		     JOIN(forged->version, forged->algorithm, forged->issuer, forged->this_update,
			  forged->next_update, forged->revoked, forged->extensions));
	CLEANUP(clear_buffer) struct buffer der = {0};

	OK(sign_object(signer, body, &der, &fault));
	return JOIN(bytes_of_buffer(&der));
}

int parse_crl_copy(struct bytes content, struct crl **ret_crl, struct fault *fault)
{
	struct buffer copy = {0};
	int result;

	append_bytes(&copy, content);
	result = parse_crl(&copy, ret_crl, fault);
	cr_expect_null(copy.data, "taken over, also on failure");
	return result;
}

struct crl *forge_parsed_crl(const struct forged_crl *forged, const struct private_key *signer)
{
	struct crl *crl = NULL;

	OK(parse_crl_copy(forge_crl(forged, signer), &crl, &fault));
	return crl;
}
