#include "tests/support/gnutls_objects.h"

#include <criterion/criterion.h>

gnutls_datum_t datum_of(struct bytes octets)
{
	return (gnutls_datum_t){(unsigned char *)(uintptr_t)octets.data, (unsigned int)octets.len};
}

gnutls_privkey_t gnutls_privkey_of(struct bytes pem)
{
	const gnutls_datum_t text = datum_of(pem);
	gnutls_privkey_t key = NULL;

	cr_assert_eq(gnutls_privkey_init(&key), 0);
	cr_assert_eq(gnutls_privkey_import_x509_raw(key, &text, GNUTLS_X509_FMT_PEM, NULL,
						    GNUTLS_PKCS_PLAIN),
		     0);
	return key;
}

gnutls_pubkey_t gnutls_pubkey_of(struct bytes spki)
{
	const gnutls_datum_t der = datum_of(spki);
	gnutls_pubkey_t key = NULL;

	cr_assert_eq(gnutls_pubkey_init(&key), 0);
	cr_assert_eq(gnutls_pubkey_import(key, &der, GNUTLS_X509_FMT_DER), 0);
	return key;
}

gnutls_x509_crt_t gnutls_crt_of(struct bytes der)
{
	const gnutls_datum_t data = datum_of(der);
	gnutls_x509_crt_t crt = NULL;

	cr_assert_eq(gnutls_x509_crt_init(&crt), 0);
	cr_assert_eq(gnutls_x509_crt_import(crt, &data, GNUTLS_X509_FMT_DER), 0);
	return crt;
}
