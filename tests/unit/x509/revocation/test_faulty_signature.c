/* A CA on a machine whose processor or memory is faulty gives out no wrong signature. */
#include "common/x509/issuer.h"

#include "common/x509/revocation/crl_builder.h"
#include "tests/support/expect.h"
#include "tests/unit/x509/issuers.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <gmp.h>
#include <gnutls/abstract.h>
#include <nettle/ecdsa.h>

static const char refusal[] = "the key made a wrong signature, which is not given out";
static bool faulty;

/* Stands in for Nettle's in this test program. Each test is a process of its own. */
void ecdsa_sign(const struct ecc_scalar *key, void *random_context, nettle_random_func *random,
		size_t digest_len, const uint8_t *digest, struct dsa_signature *signature)
{
	typedef void sign_function(const struct ecc_scalar *, void *, nettle_random_func *, size_t,
				   const uint8_t *, struct dsa_signature *);
	sign_function *sign;

	/* POSIX gives functions and objects pointers of one size (dlsym). */
	*(void **)&sign = dlsym(RTLD_NEXT, "nettle_ecdsa_sign");
	sign(key, random_context, random, digest_len, digest, signature);
	if (faulty)
		mpz_combit(signature->s, 7);
}

/* Likewise GnuTLS's, which signs with Ed25519: faulty each time, as with a key that has changed in
   memory. */
int gnutls_privkey_sign_data2(gnutls_privkey_t key, gnutls_sign_algorithm_t algorithm,
			      unsigned int flags, const gnutls_datum_t *data,
			      gnutls_datum_t *signature)
{
	typedef int sign_function(gnutls_privkey_t, gnutls_sign_algorithm_t, unsigned int,
				  const gnutls_datum_t *, gnutls_datum_t *);
	sign_function *sign;
	int code;

	*(void **)&sign = dlsym(RTLD_NEXT, "gnutls_privkey_sign_data2");
	code = sign(key, algorithm, flags, data, signature);
	if (faulty && code == 0)
		signature->data[signature->size / 2] ^= 1;
	return code;
}

Test(faulty_signature, is_in_no_certificate)
{
	static const uint8_t serial[SERIAL_MAX] = {1};
	static const enum key_type types[] = {KEY_ECDSA_P256, KEY_ECDSA_P384, KEY_ED25519};

	for (size_t i = 0; i < COUNT_OF(types); i++) {
		struct issuer *issuer = make_issuer(types[i]);
		struct csr *csr = make_csr(member_key(), NULL);
		const struct own_certificate_options responder = {
			.subject = "CN=OCSP", .key = csr_public_key(csr), .validity = ninety_days};
		struct buffer der = {0};

		faulty = true;
		REFUSED(certify_csr(issuer, csr, serial, &ninety_days, &der, &fault), FAULT_FAILED,
			refusal);
		REFUSED(create_own_certificate(issuer, &responder, serial, &der, &fault),
			FAULT_FAILED, refusal);
		REFUSED(create_root(issuer_key(issuer), "CN=Root", &ninety_days, &der, &fault),
			FAULT_FAILED, refusal);
		REFUSED(create_intermediate(issuer, csr_public_key(csr), "CN=CA", &ninety_days,
					    &der, &fault),
			FAULT_FAILED, refusal);
		cr_expect_null(der.data);
		faulty = false;
		OK(certify_csr(issuer, csr, serial, &ninety_days, &der, &fault));
		clear_buffer(&der);
		free_csr(&csr);
		free_issuer(&issuer);
	}
}

Test(faulty_signature, is_in_no_crl)
{
	static const struct crl_options options = {
		.number = 1, .this_update_s = NOW_S, .next_update_s = NOW_S + 86400};
	CLEANUP(free_issuer) struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	CLEANUP(clear_crl_builder) struct crl_builder builder = {0};
	CLEANUP(clear_crl_builder) struct crl_builder second = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};

	OK(begin_crl(&builder, issuer, &options, &fault));
	OK(begin_crl(&second, issuer, &options, &fault));
	faulty = true;
	REFUSED(finish_crl(&builder, &der, &fault), FAULT_FAILED, refusal);
	cr_expect_null(der.data);
	faulty = false;
	OK(finish_crl(&second, &der, &fault));
}
