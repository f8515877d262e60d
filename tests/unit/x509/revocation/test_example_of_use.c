/* How the fields of this folder work together: a CRL, and an OCSP question and its answer. */
#include "common/x509/revocation/crl_builder.h"
#include "common/x509/revocation/ocsp_request.h"
#include "common/x509/revocation/ocsp_verify.h"
#include "tests/support/expect.h"
#include "tests/unit/x509/forge.h"

#include <criterion/criterion.h>

enum { NOW_S = FORGED_NOW_S };

static struct issuer *make_root(void)
{
	const struct validity a_year = {NOW_S, NOW_S + 31536000};
	struct private_key *key = NULL;
	struct certificate *certificate = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct issuer *issuer = NULL;

	OK(generate_private_key(KEY_ECDSA_P256, &key, &fault));
	OK(create_root(key, "CN=Root", &a_year, &der, &fault));
	OK(parse_certificate_der(bytes_of_buffer(&der), &certificate, &fault));
	OK(new_issuer(&certificate, &key, &issuer, &fault));
	return issuer;
}

Test(revocation, by_crl_is_used_like_this)
{
	const struct crl_options options = {
		.number = 1, .this_update_s = NOW_S, .next_update_s = NOW_S + 86400};
	const struct crl_entry entry = {
		.serial = {0x5a}, .revoked_at_s = NOW_S - 60, .reason = REASON_KEY_COMPROMISE};
	CLEANUP(free_issuer) struct issuer *issuer = make_root();
	CLEANUP(clear_crl_builder) struct crl_builder builder = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(free_crl) struct crl *crl = NULL;
	struct crl_revocation revocation;
	struct verdict verdict = {0};

	/* The CA writes a CRL with one entry. */
	OK(begin_crl(&builder, issuer, &options, &fault));
	OK(add_crl_entry(&builder, &entry, &fault));
	OK(finish_crl(&builder, &der, &fault));

	/* A node verifies the CRL, and then looks a serial up. */
	OK(parse_crl(&der, &crl, &fault));
	OK(verify_crl(crl, issuer_certificate(issuer), NOW_S, &verdict, &fault));
	cr_expect(!verdict.invalid, "%s", verdict.reason);
	cr_assert(find_revoked(crl, (struct bytes){entry.serial, SERIAL_MAX}, &revocation));
	cr_expect_eq(revocation.revoked_at_s, NOW_S - 60);
	cr_expect_str_eq(format_crl_reason(revocation.reason), "keyCompromise");
	cr_expect(!find_revoked(crl, OCTETS("\x01"), &revocation));
}

Test(revocation, by_ocsp_is_used_like_this)
{
	const struct bytes nonce = OCTETS("0123456789abcdef");
	CLEANUP(free_issuer) struct issuer *issuer = make_root();
	CLEANUP(clear_buffer) struct buffer request_der = {0};
	CLEANUP(clear_buffer) struct buffer response_der = {0};
	const struct certificate *root = issuer_certificate(issuer);
	const struct ocsp_signer signer = {issuer_key(issuer), root, NULL};
	const struct ocsp_question question = {
		.issuer = root, .serial = OCTETS("\x33"), .nonce = nonce, .now_s = NOW_S};
	struct issuer_hashes hashes;
	struct ocsp_request request;
	struct ocsp_single single = {.status = OCSP_GOOD, .this_update_s = NOW_S};
	struct ocsp_answer answer = {.singles = &single, .count = 1, .produced_at_s = NOW_S};
	struct ocsp_single result;
	struct verdict verdict = {0};

	/* A client asks about the serial 0x33. */
	OK(digest_issuer(root, &hashes, &fault));
	OK(format_ocsp_request(&hashes, OCSP_SHA1, OCTETS("\x33"), nonce, &request_der, &fault));

	/* The responder reads the request, looks the serial up, and signs its answer. */
	OK(parse_ocsp_request(bytes_of_buffer(&request_der), &request, &fault));
	cr_assert(cert_id_matches_issuer(&request.ids[0], &hashes));
	single.id = request.ids[0];
	answer.nonce = request.nonce;
	OK(format_ocsp_response(&answer, &signer, &response_der, &fault));

	/* The client relies on nothing that it has not verified. */
	OK(verify_ocsp_response(bytes_of_buffer(&response_der), &question, &result, &verdict,
				&fault));
	cr_expect(!verdict.invalid, "%s", verdict.reason);
	cr_expect_eq(result.status, OCSP_GOOD);
}
