#ifndef CERTPOOL_X509_REVOCATION_CRL_BUNDLE_H
#define CERTPOOL_X509_REVOCATION_CRL_BUNDLE_H

#include "common/x509/issuer_set.h"
#include "common/x509/revocation/crl.h"

/*
 * The CRLs of one file or answer: those of all CAs of a path, the root's first, or of one CA alone.
 * As text they are PEM blocks one after the other, which nginx (ssl_crl), PostgreSQL (ssl_crl_file)
 * and openssl (-CRLfile) read. Zero-initialised is empty.
 */
enum { CRL_BUNDLE_MAX = ISSUERS_MAX + 3 }; /* of three roots, while one is being replaced */

struct crl_bundle {
	struct crl *crls[CRL_BUNDLE_MAX];
	size_t count;
};

/*
 * Parses one CRL in DER, or one or more in PEM, without their entries (parse_crl_fields). Takes
 * ownership of the content, also on failure: *content is empty afterwards.
 * Shape: the caller limits the content to CRL_PEM_MAX.
 * Errors: those of parse_crl, with the number of the CRL if there are several; FAULT_TOO_LARGE for
 * more than CRL_BUNDLE_MAX.
 */
int parse_crl_bundle(struct buffer *content, struct crl_bundle *ret_bundle,
		     struct fault *fault) MUST_CHECK;
void clear_crl_bundle(struct crl_bundle *bundle);

/* Writes the PEM blocks of CRLs in DER. */
int format_crl_bundle(const struct bytes *ders, size_t count, struct buffer *ret_pem,
		      struct fault *fault) MUST_CHECK;

#endif
