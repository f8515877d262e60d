#include "common/x509/issuer.h"

#include "common/x509/chain.h"
#include "tests/support/expect.h"
#include "tests/unit/x509/forge.h"

#include <criterion/criterion.h>

static const uint8_t serial[SERIAL_MAX] = {0x5a, 1, 2, 3};

static struct issuer *make_issuer(enum key_type type)
{
	const struct validity validity = {FORGED_NOW_S - 1000, FORGED_NOW_S + 1000000};
	struct private_key *key = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct certificate *certificate = NULL;
	struct issuer *issuer = NULL;

	OK(generate_private_key(type, &key, &fault));
	OK(create_root(key, "CN=Root", &validity, &der, &fault));
	OK(parse_certificate_der(bytes_of_buffer(&der), &certificate, &fault));
	OK(new_issuer(&certificate, &key, &issuer, &fault));
	return issuer;
}

static int create(const struct issuer *issuer, int64_t not_before_s, int64_t not_after_s,
		  struct buffer *ret_der, struct fault *fault)
{
	CLEANUP(free_public_key) struct public_key *key = NULL;
	struct own_certificate_options options = {.subject = "CN=OCSP responder",
						  .validity = {not_before_s, not_after_s}};

	cr_assert_eq(get_public_key(member_key(), &key, fault), 0);
	options.key = key;
	return create_own_certificate(issuer, &options, serial, ret_der, fault);
}

Test(responder_certificate, refuses_a_validity_beyond_the_issuers)
{
	static const struct {
		int64_t not_before_s;
		int64_t not_after_s;
		const char *part;
	} rows[] = {
		{FORGED_NOW_S - 1001, FORGED_NOW_S, "within that of the issuer CN=Root"},
		{FORGED_NOW_S, FORGED_NOW_S + 1000001, "within that of the issuer CN=Root"},
		{FORGED_NOW_S, FORGED_NOW_S, "expected notBefore before notAfter"},
		{FORGED_NOW_S + 1, FORGED_NOW_S, "expected notBefore before notAfter"},
	};
	CLEANUP(free_issuer) struct issuer *issuer = make_issuer(KEY_ECDSA_P256);

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer der = {0};

		REFUSED(create(issuer, rows[i].not_before_s, rows[i].not_after_s, &der, &fault),
			FAULT_REFUSED, rows[i].part, "row %zu", i);
		cr_expect_eq(der.len, 0);
	}
}

Test(responder_certificate, may_have_the_whole_validity_of_its_issuer)
{
	CLEANUP(free_issuer) struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	CLEANUP(clear_buffer) struct buffer der = {0};

	OK(create(issuer, FORGED_NOW_S - 1000, FORGED_NOW_S + 1000000, &der, &fault));
}

Test(responder_certificate, is_for_ocsp_and_nothing_else)
{
	static const enum key_type types[] = {KEY_ECDSA_P256, KEY_ECDSA_P384, KEY_ED25519,
					      KEY_RSA_2048};
	const struct bytes purpose =
		extension(37, false, OCTETS("\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x09"));
	const struct bytes nocheck = OCTETS("\x30\x0f\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x05"
					    "\x04\x02\x05\x00");

	for (size_t i = 0; i < COUNT_OF(types); i++) {
		CLEANUP(free_issuer) struct issuer *issuer = make_issuer(types[i]);
		CLEANUP(clear_buffer) struct buffer der = {0};
		CLEANUP(free_certificate) struct certificate *certificate = NULL;
		struct verdict verdict = {0};

		OK(create(issuer, FORGED_NOW_S, FORGED_NOW_S + 1000, &der, &fault));
		OK(parse_certificate_der(bytes_of_buffer(&der), &certificate, &fault));
		cr_expect(has_extension(certificate, purpose));
		cr_expect(has_extension(certificate, nocheck));
		cr_expect(has_extension(certificate, member_key_usage()));
		cr_expect_eq(count_extensions(certificate), 6);
		cr_expect_str_eq(certificate_subject(certificate), "CN=OCSP responder");
		cr_expect_arr_eq(certificate_serial(certificate).data, serial, SERIAL_MAX);
		OK(check_profile(certificate, PROFILE_RESPONDER, &verdict, &fault));
		cr_expect(!verdict.invalid, "%s", verdict.reason);
	}
}
