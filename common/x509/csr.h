#ifndef CERTPOOL_X509_CSR_H
#define CERTPOOL_X509_CSR_H

#include "common/base/bytes.h"
#include "common/base/verdict.h"
#include "common/crypto/key.h"
#include "common/x509/alt_name.h"

/*
 * Certificate requests (PKCS#10, RFC 2986).
 *
 * What holds of a parsed struct csr: exactly one request in strict DER, nothing after it, of at
 * most CSR_DER_MAX octets; its public key is a public_key (so not weak); its subject is not empty,
 * prints as RFC 4514, and has no NUL, control or bidirectional-override character and no component
 * longer than its upper bound (RFC 5280 appendix A.1); its alternative names are of the four kinds.
 * Proof of possession does not hold yet: verify_csr.
 *
 * Not taken from a request by anybody: any extension but subjectAltName, any attribute.
 */
struct csr;

enum { CSR_DER_MAX = 16384, CSR_PEM_MAX = 24576, SUBJECT_SIZE = 512 };

/*
 * Makes a request for the key and signs it (SHA-256; SHA-384 with P-384).
 * Shape: subject is RFC 4514 text, not empty; alt_names may be NULL.
 */
int create_csr(const struct private_key *key, const char *subject,
	       const struct alt_names *alt_names, struct buffer *ret_pem,
	       struct fault *fault) MUST_CHECK;

/* FAULT_MALFORMED, FAULT_TOO_LARGE, or FAULT_REFUSED for a key that is weak or not of our types.
   White space around the one PEM block is allowed; text is not. */
int parse_csr_pem(struct bytes pem, struct csr **ret_csr, struct fault *fault) MUST_CHECK;
int parse_csr_der(struct bytes der, struct csr **ret_csr, struct fault *fault) MUST_CHECK;
void free_csr(struct csr **csr);

/* Borrowed. */
const char *csr_subject(const struct csr *csr);
struct bytes csr_subject_der(const struct csr *csr); /* the Name, whole */
const struct alt_names *csr_alt_names(const struct csr *csr);
struct bytes csr_alt_names_der(const struct csr *csr); /* GeneralNames; empty when there are none */
const struct public_key *csr_public_key(const struct csr *csr);

/*
 * Proof of possession: the request's signature is by its own key, with ECDSA or RSA (PKCS #1 v1.5)
 * and a digest of at least SHA-256, or Ed25519, and in its one DER form.
 */
int verify_csr(const struct csr *csr, struct verdict *verdict, struct fault *fault) MUST_CHECK;

#endif
