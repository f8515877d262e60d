#ifndef CERTPOOL_X509_CSR_H
#define CERTPOOL_X509_CSR_H

#include "common/base/bytes.h"
#include "common/base/verdict.h"
#include "common/crypto/digest.h"
#include "common/crypto/key.h"
#include "common/x509/alt_name.h"
#include "common/x509/purpose.h"

/*
 * Certificate requests (PKCS#10, RFC 2986).
 *
 * Always holds of a parsed struct csr: its DER is exactly one request, strict, of at most
 * CSR_DER_MAX octets; its public key is a struct public_key, and so not weak; its subject is not
 * empty, prints as RFC 4514, and has no NUL, control or bidirectional-override character and no
 * component longer than its upper bound (RFC 5280 appendix A.1); its alternative names are of the
 * four kinds of struct alt_names; its keyUsage, extKeyUsage and basicConstraints, where it has
 * them, can be read. Proof of possession is not implied: verify_csr.
 *
 * Ignored: every other extension, and every other attribute.
 */
struct csr;

enum { CSR_DER_MAX = 16384, CSR_PEM_MAX = 24576, SUBJECT_SIZE = 512 };

/*
 * Makes a request for the key and signs it (SHA-256; SHA-384 with P-384).
 * Shape: subject is RFC 4514 text, not empty; alt_names may be NULL; usages are of enum usage.
 * USE_SIGN alone asks for nothing: the request has neither keyUsage nor extKeyUsage.
 * Errors: FAULT_MALFORMED for a subject that parse_csr_pem would not accept, FAULT_TOO_LARGE.
 */
int create_csr(const struct private_key *key, const char *subject,
	       const struct alt_names *alt_names, unsigned int usages, struct buffer *ret_pem,
	       struct fault *fault) MUST_CHECK;

/*
 * Only white space may surround the PEM block.
 * Errors: FAULT_MALFORMED, FAULT_TOO_LARGE, FAULT_REFUSED for a weak or unsupported public key.
 */
int parse_csr_pem(struct bytes pem, struct csr **ret_csr, struct fault *fault) MUST_CHECK;
int parse_csr_der(struct bytes der, struct csr **ret_csr, struct fault *fault) MUST_CHECK;

/* The digest of a request's SubjectPublicKeyInfo, without a look at the rest: what parse_csr_pem
   refuses may have one. */
int read_csr_key_sha256(struct bytes pem, uint8_t ret_sha256[static SHA256_LEN],
			struct fault *fault) MUST_CHECK;

/* The same for a request of ACME (RFC 8555 section 7.4): its subject may be empty, and is "" then.
 */
int parse_acme_csr(struct bytes der, struct csr **ret_csr, struct fault *fault) MUST_CHECK;
void free_csr(struct csr **csr);

/* All results are borrowed from the request. */
const char *csr_subject(const struct csr *csr);
struct bytes csr_subject_der(const struct csr *csr); /* the whole Name */
const struct alt_names *csr_alt_names(const struct csr *csr);
struct bytes csr_alt_names_der(const struct csr *csr); /* GeneralNames; empty: none */
const struct asked_usages *csr_usages(const struct csr *csr);
const struct public_key *csr_public_key(const struct csr *csr);

/*
 * Whether the request proves possession of its key: its signature is by that key, with ECDSA or RSA
 * (PKCS #1 v1.5) and a digest of at least SHA-256, or with Ed25519, and in its one DER form.
 */
int verify_csr(const struct csr *csr, struct verdict *verdict, struct fault *fault) MUST_CHECK;

/* The same for a caller that needs the proof. Errors: FAULT_REFUSED for a request without it. */
int check_csr_proof(const struct csr *csr, struct fault *fault) MUST_CHECK;

#endif
