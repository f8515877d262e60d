#ifndef CERTPOOL_TESTS_UNIT_CA_REQUESTS_H
#define CERTPOOL_TESTS_UNIT_CA_REQUESTS_H

#include "tests/unit/ca/fixture.h"

#include <gnutls/x509.h>

/* Certificate requests that certpool itself would not make. */

/* The request with a bit of its DER changed, `from_end` octets before its end. Frees pem. */
struct buffer tamper_csr(struct buffer pem, size_t from_end);

/* A request by GnuTLS, with a fresh key. `ask`, which may be NULL, adds to it. */
struct buffer make_foreign_csr(gnutls_pk_algorithm_t algorithm, unsigned int bits,
			       const char *subject, void (*ask)(gnutls_x509_crq_t crq));

/* Has a new CA certify a good request and this one, and expects that only this one is refused.
   Frees pem. */
void expect_request_refused(const char *client, struct buffer pem, const char *type,
			    const char *part);

/* Expects that the certificate is valid under the CA's root, profile included. */
void expect_valid(const struct ca_fixture *fixture, const struct certificate *certificate,
		  int64_t at_s);

#endif
