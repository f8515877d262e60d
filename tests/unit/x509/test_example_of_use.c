/* How the fields of this folder work together: a root, a request, a certificate, its verification.
 */
#include "common/x509/chain.h"
#include "common/x509/issuer.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>

enum { NOW_S = 1790000000, DAY_S = 86400 };

Test(x509, is_used_like_this)
{
	const struct validity ten_years = {NOW_S, NOW_S + (int64_t)3650 * DAY_S};
	const struct validity thirty_days = {NOW_S, NOW_S + (int64_t)30 * DAY_S};
	CLEANUP(free_private_key) struct private_key *root_key = NULL;
	CLEANUP(free_private_key) struct private_key *member_key = NULL;
	CLEANUP(clear_buffer) struct buffer root_der = {0};
	CLEANUP(clear_buffer) struct buffer csr_pem = {0};
	CLEANUP(clear_buffer) struct buffer member_der = {0};
	CLEANUP(free_certificate) struct certificate *root = NULL;
	CLEANUP(free_certificate) struct certificate *member = NULL;
	CLEANUP(free_issuer) struct issuer *issuer = NULL;
	CLEANUP(free_csr) struct csr *csr = NULL;
	uint8_t serial[SERIAL_MAX];
	struct trust trust = {0};
	struct verdict verdict = {0};

	/* A CA makes its root, and an issuer of it. */
	OK(generate_private_key(KEY_ECDSA_P256, &root_key, &fault));
	OK(create_root(root_key, "CN=Root", &ten_years, &root_der, &fault));
	OK(parse_certificate_der(bytes_of_buffer(&root_der), &root, &fault));
	OK(new_issuer(&root, &root_key, &issuer, &fault));

	/* A member makes a key and a request for it. */
	OK(generate_private_key(KEY_ECDSA_P256, &member_key, &fault));
	OK(create_csr(member_key, "CN=client1-1,O=Example", NULL, USE_SIGN, &csr_pem, &fault));

	/* The CA reads the request, and certifies its key. */
	OK(parse_csr_pem(bytes_of_buffer(&csr_pem), &csr, &fault));
	OK(generate_serial(serial, &fault));
	OK(certify_csr(issuer, csr, serial, &thirty_days, &member_der, &fault));

	/* Every other node verifies the certificate with the root alone. */
	OK(parse_certificate_der(bytes_of_buffer(&member_der), &member, &fault));
	cr_expect_str_eq(certificate_subject(member), "CN=client1-1,O=Example");
	trust.root = issuer_root(issuer);
	OK(verify_chain(&trust, member, NOW_S, NULL, &verdict, &fault));
	cr_expect(!verdict.invalid, "%s", verdict.reason);

	/* A month later the verdict is another, with its reason. */
	OK(verify_chain(&trust, member, NOW_S + (int64_t)31 * DAY_S, NULL, &verdict, &fault));
	cr_expect(verdict.invalid);
	cr_expect_str_eq(verdict.reason,
			 "certificate CN=client1-1,O=Example: RFC 5280 section 4.1.2.5: expired at "
			 "2026-10-22T14:13:20Z, valid until 2026-10-21T14:13:20Z");
}
