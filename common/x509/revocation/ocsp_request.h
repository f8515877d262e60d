#ifndef CERTPOOL_X509_REVOCATION_OCSP_REQUEST_H
#define CERTPOOL_X509_REVOCATION_OCSP_REQUEST_H

#include "common/x509/revocation/ocsp_fields.h"

/*
 * An OCSP request (RFC 6960 section 4.1.1), as slices of its DER. What holds: strict DER of version
 * 1, nothing after it; 1 to OCSP_CERTIFICATES_MAX CertIDs; a nonce of 1 to OCSP_NONCE_MAX octets,
 * or none; no other critical extension.
 *
 * Not looked at: who asks (requestorName) and its signature, since everybody may ask. A responder
 * that cannot read a request says malformedRequest.
 */
#define CONTENT_OCSP_REQUEST "application/ocsp-request" /* RFC 6960 appendix C.1 */

enum { OCSP_REQUEST_MAX = 65536, OCSP_CERTIFICATES_MAX = 100 };

struct ocsp_request {
	struct cert_id ids[OCSP_CERTIFICATES_MAX];
	size_t count;
	struct bytes nonce; /* empty: none */
};

/* FAULT_MALFORMED, FAULT_TOO_LARGE. */
int parse_ocsp_request(struct bytes der, struct ocsp_request *ret_request,
		       struct fault *fault) MUST_CHECK;

/* A request for one certificate. Shape: serial is contents octets; nonce may be empty. */
int format_ocsp_request(const struct issuer_hashes *issuer, enum ocsp_hash hash,
			struct bytes serial, struct bytes nonce, struct buffer *ret_der,
			struct fault *fault) MUST_CHECK;

#endif
