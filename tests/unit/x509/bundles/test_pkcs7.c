#include "common/x509/bundles/pkcs7.h"

#include "tests/support/expect.h"
#include "tests/support/gnutls_objects.h"
#include "tests/unit/x509/issuers.h"

#include <criterion/criterion.h>
#include <gnutls/pkcs7.h>

/* Id-data, as RFC 7030 has it, and all certificates. */
Test(pkcs7, has_certificates_and_nothing_else)
{
	CLEANUP(free_issuer) struct issuer *issuer = make_issuer(KEY_ECDSA_P256);
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(free_csr) struct csr *csr = make_csr(key, NULL);
	CLEANUP(free_certificate)
	struct certificate *certificate = certify(issuer, csr, &ninety_days);
	const struct bytes certificates[] = {certificate_der(certificate),
					     certificate_der(issuer_certificate(issuer))};
	CLEANUP(clear_buffer) struct buffer der = {0};

	for (size_t count = 1; count <= COUNT_OF(certificates); count++) {
		gnutls_pkcs7_t pkcs7;
		gnutls_datum_t datum;
		size_t found = 0;

		clear_buffer(&der);
		OK(format_certs_only(certificates, count, &der, &fault));
		datum = datum_of(bytes_of_buffer(&der));
		cr_assert_eq(gnutls_pkcs7_init(&pkcs7), 0);
		cr_assert_eq(gnutls_pkcs7_import(pkcs7, &datum, GNUTLS_X509_FMT_DER), 0);
		cr_expect_eq(gnutls_pkcs7_get_crt_count(pkcs7), (int)count);
		cr_expect_eq(gnutls_pkcs7_get_crl_count(pkcs7), 0);
		cr_expect_str_eq(gnutls_pkcs7_get_embedded_data_oid(pkcs7), "1.2.840.113549.1.7.1");
		for (int i = 0; i < (int)count; i++) {
			gnutls_datum_t crt = {0};

			cr_assert_eq(gnutls_pkcs7_get_crt_raw2(pkcs7, (unsigned int)i, &crt), 0);
			for (size_t j = 0; j < count; j++)
				found += equal_bytes((struct bytes){crt.data, crt.size},
						     certificates[j]);
			gnutls_free(crt.data);
		}
		cr_expect_eq(found, count);
		gnutls_pkcs7_deinit(pkcs7);
	}
}
