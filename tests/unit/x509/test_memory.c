#include "common/x509/chain.h"

#include "tests/support/expect.h"
#include "tests/support/failing_memory.h"
#include "tests/unit/x509/issuers.h"

#include <criterion/criterion.h>

/* catalogue 75: every n-th allocation fails, for each n. A verifier that lacks memory does not know
   whether a certificate is valid: it has a fault, and no verdict. */

static struct issuer *issuer;
static struct buffer pem;

static void set_up(void)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(free_csr) struct csr *csr = make_csr(key, "DNS:client1.example");
	CLEANUP(free_certificate) struct certificate *certificate = NULL;

	if (!memory_can_fail())
		cr_skip_test("the sanitizer has an allocator of its own");
	issuer = make_issuer(KEY_ECDSA_P256);
	certificate = certify(issuer, csr, &ninety_days);
	OK(format_certificate_pem(certificate_der(certificate), &pem, &fault));
}

static void tear_down(void)
{
	clear_buffer(&pem);
	free_issuer(&issuer);
}

TestSuite(memory, .init = set_up, .fini = tear_down);

static int verify(struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	const struct trust trust = {.root = issuer_root(issuer)};
	struct verdict verdict = {0};

	if (parse_certificate_pem(bytes_of_buffer(&pem), &certificate, fault) < 0 ||
	    verify_chain(&trust, certificate, NOW_S, NULL, &verdict, fault) < 0)
		return -1;
	return verdict.invalid ? 1 : 0;
}

Test(memory, runs_out_while_a_certificate_is_verified)
{
	cr_expect_gt(expect_memory_faults(verify), 5);
}
