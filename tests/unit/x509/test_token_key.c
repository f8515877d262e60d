/* Certificates and other objects signed by a key in a PKCS#11 token. */
#include "common/base/workers.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/csr.h"
#include "common/x509/der.h"
#include "common/x509/issuer.h"
#include "common/x509/signed_object.h"
#include "tests/support/expect.h"
#include "tests/support/token.h"

#include <criterion/criterion.h>

#define NOW_S INT64_C(1790000000)
#define DAY_S INT64_C(86400)

static const struct validity root_validity = {NOW_S - DAY_S, NOW_S + 3650 * DAY_S};
static const struct validity member_validity = {NOW_S, NOW_S + 90 * DAY_S};

static struct scratch scratch;

static void set_up(void)
{
	make_scratch(&scratch);
	make_token(&scratch);
	make_token_key("p256", "ecdsa", "secp256r1");
	make_token_key("p384", "ecdsa", "secp384r1");
	make_token_key("rsa", "rsa", "2048");
}

static void tear_down(void)
{
	remove_scratch(&scratch);
}

static const char *const urls[] = {TOKEN_URL ";object=p256", TOKEN_URL ";object=p384",
				   TOKEN_URL ";object=rsa"};

static struct private_key *open_key(const char *url)
{
	struct private_key *key = NULL;

	OK(open_token_key(url, bytes_of_string(TOKEN_PIN), &key, &fault));
	return key;
}

/* An issuer whose root the token's key made. */
static struct issuer *make_issuer(const char *url)
{
	CLEANUP(free_certificate) struct certificate *root = NULL;
	CLEANUP(free_private_key) struct private_key *key = open_key(url);
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct issuer *issuer = NULL;

	OK(create_root(key, "CN=Root in a token", &root_validity, &der, &fault));
	OK(parse_certificate_der(bytes_of_buffer(&der), &root, &fault));
	OK(new_issuer(&root, &key, &issuer, &fault));
	return issuer;
}

static int certify_one(size_t index, void *context, struct fault *fault)
{
	const struct issuer *issuer = context;
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(clear_buffer) struct buffer request = {0};
	CLEANUP(free_csr) struct csr *csr = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(free_certificate) struct certificate *made = NULL;
	const struct alt_names none = {0};
	struct verdict verdict = {0};
	uint8_t serial[SERIAL_MAX];

	(void)index;
	if (generate_private_key(KEY_ECDSA_P256, &key, fault) < 0 ||
	    create_csr(key, "CN=member", &none, USE_SIGN, &request, fault) < 0 ||
	    parse_csr_pem(bytes_of_buffer(&request), &csr, fault) < 0 ||
	    generate_serial(serial, fault) < 0 ||
	    certify_csr(issuer, csr, serial, &member_validity, &der, fault) < 0 ||
	    parse_certificate_der(bytes_of_buffer(&der), &made, fault) < 0 ||
	    verify_signed_object(&certificate_fields(made)->signed_object,
				 certificate_public_key(issuer_certificate(issuer)), "certificate",
				 &verdict, fault) < 0)
		return -1;
	return verdict.invalid ? set_fault(fault, FAULT_UNVERIFIED, "%s", verdict.reason) : 0;
}

TestSuite(token_key, .init = set_up, .fini = tear_down);

Test(token_key, makes_a_root_and_certifies_from_several_threads)
{
	for (size_t i = 0; i < COUNT_OF(urls); i++) {
		struct issuer *issuer = make_issuer(urls[i]);

		OK(run_tasks(40, 4, certify_one, issuer, &fault), "%s", urls[i]);
		free_issuer(&issuer);
	}
}

Test(token_key, signs_other_objects)
{
	for (size_t i = 0; i < COUNT_OF(urls); i++) {
		CLEANUP(free_private_key) struct private_key *key = open_key(urls[i]);
		CLEANUP(free_public_key) struct public_key *public = NULL;
		CLEANUP(clear_buffer) struct buffer body = {0};
		CLEANUP(clear_buffer) struct buffer der = {0};
		struct signed_object object;
		struct verdict verdict = {0};

		append_der(&body, DER_SEQUENCE, (struct bytes){NULL, 0});
		OK(sign_object(key, bytes_of_buffer(&body), &der, &fault));
		cr_assert(split_signed_object(bytes_of_buffer(&der), &object));
		OK(get_public_key(key, &public, &fault));
		OK(verify_signed_object(&object, public, "object", &verdict, &fault));
		cr_expect(!verdict.invalid, "%s", verdict.reason);
	}
}

/* catalogue 101 */
Test(token_key, makes_no_certificate_when_the_token_is_gone)
{
	struct issuer *issuer = make_issuer(urls[0]);

	remove_token(&scratch);
	REFUSED(certify_one(0, issuer, &fault), FAULT_FAILED, "certificate: the key cannot sign");
	free_issuer(&issuer);
}
