#include "common/x509/bundles/pkcs12.h"

#include "tests/support/expect.h"
#include "tests/support/gnutls_objects.h"
#include "tests/unit/x509/issuers.h"

#include <criterion/criterion.h>
#include <gnutls/pkcs12.h>
#include <string.h>

static struct secret make_secret(const char *text)
{
	struct secret secret = {0};

	OK(allocate_secret(strlen(text), &secret, &fault));
	memcpy(secret.data, text, secret.len);
	return secret;
}

/* A bundle as GnuTLS reads it. */
struct read_bundle {
	int code;
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t *chain;
	unsigned int count;
};

static struct read_bundle read_back(const struct buffer *der, const char *passphrase)
{
	const gnutls_datum_t datum = datum_of(bytes_of_buffer(der));
	gnutls_pkcs12_t pkcs12;
	struct read_bundle bundle = {0};

	cr_assert_eq(gnutls_pkcs12_init(&pkcs12), 0);
	cr_assert_eq(gnutls_pkcs12_import(pkcs12, &datum, GNUTLS_X509_FMT_DER, 0), 0);
	bundle.code = gnutls_pkcs12_verify_mac(pkcs12, passphrase);
	if (bundle.code == 0)
		bundle.code =
			gnutls_pkcs12_simple_parse(pkcs12, passphrase, &bundle.key, &bundle.chain,
						   &bundle.count, NULL, NULL, NULL, 0);
	gnutls_pkcs12_deinit(pkcs12);
	return bundle;
}

Test(pkcs12, has_the_key_and_its_chain_under_the_passphrase)
{
	static const enum key_type types[] = {KEY_ECDSA_P256, KEY_ECDSA_P384, KEY_ED25519,
					      KEY_RSA_2048};
	CLEANUP(free_issuer) struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	CLEANUP(clear_secret) struct secret passphrase = make_secret("pass word \xc3\xa9");

	for (size_t i = 0; i < COUNT_OF(types); i++) {
		CLEANUP(free_private_key) struct private_key *key = make_key(types[i]);
		CLEANUP(free_csr) struct csr *csr = make_csr(key, NULL);
		CLEANUP(free_certificate)
		struct certificate *certificate = certify(issuer, csr, &ninety_days);
		const struct certificate *chain[] = {certificate, issuer_certificate(issuer)};
		const struct key_bundle bundle = {key, chain, COUNT_OF(chain), "client1/1"};
		CLEANUP(clear_buffer) struct buffer der = {0};
		struct read_bundle read;

		OK(format_pkcs12(&bundle, &passphrase, &der, &fault));
		cr_expect_eq(read_back(&der, "another").code, GNUTLS_E_MAC_VERIFY_FAILED);
		read = read_back(&der, (const char *)passphrase.data);
		cr_assert_eq(read.code, 0, "key type %zu", i);
		/* simple_parse drops what is self-signed. */
		cr_assert_eq(read.count, 1);
		cr_expect_eq(
			gnutls_x509_crt_equals2(
				read.chain[0],
				&(gnutls_datum_t){
					(unsigned char *)(uintptr_t)certificate_der(certificate)
						.data,
					(unsigned int)certificate_der(certificate).len}),
			1);
		gnutls_x509_crt_deinit(read.chain[0]);
		gnutls_free(read.chain);
		gnutls_x509_privkey_deinit(read.key);
	}
}
