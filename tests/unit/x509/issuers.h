#ifndef CERTPOOL_TESTS_UNIT_X509_ISSUERS_H
#define CERTPOOL_TESTS_UNIT_X509_ISSUERS_H

#include "common/x509/issuer.h"
#include "tests/unit/x509/forge.h"

/* Issuers, requests and certificates that our own functions make. A failure ends the test; the
   caller frees the results. */

enum { NOW_S = FORGED_NOW_S }; /* 2026-09-21 */

/* From 300 seconds before NOW_S. */
extern const struct validity ten_years;
extern const struct validity ninety_days;

struct private_key *make_key(enum key_type type);

/* A copy, through its PEM. */
struct private_key *copy_key(const struct private_key *key);

/* A new root "CN=Example Root CA,O=Example" for ten_years, as an issuer. */
struct issuer *make_issuer(enum key_type type);
struct issuer *make_named_issuer(enum key_type type, const char *subject);

/* A request with the subject "CN=client1-1,O=Example". alt_name may be NULL. */
struct csr *make_csr(const struct private_key *key, const char *alt_name);

/* certify_csr with a new serial. */
struct certificate *certify(const struct issuer *issuer, const struct csr *csr,
			    const struct validity *validity);

#endif
