#ifndef CERTPOOL_X509_REVOCATION_OCSP_REQUEST_H
#define CERTPOOL_X509_REVOCATION_OCSP_REQUEST_H

#include "common/x509/revocation/ocsp_fields.h"

/*
 * An OCSP request (RFC 6960 section 4.1.1), as slices of its DER. Always holds: the DER is exactly
 * one request, strict, of version 1; it has 1 to OCSP_CERTIFICATES_MAX CertIDs, a nonce of 1 to
 * OCSP_NONCE_MAX octets or none, and no other critical extension.
 *
 * Ignored: requestorName and the request's signature, since any client may ask.
 */
#define CONTENT_OCSP_REQUEST "application/ocsp-request" /* RFC 6960 appendix C.1 */

enum { OCSP_REQUEST_MAX = 65536, OCSP_CERTIFICATES_MAX = 10 };

struct ocsp_request {
	struct cert_id ids[OCSP_CERTIFICATES_MAX];
	size_t count;
	struct bytes nonce; /* empty: none */
};

/* Errors: FAULT_MALFORMED, for which the responder answers malformedRequest; FAULT_TOO_LARGE. */
int parse_ocsp_request(struct bytes der, struct ocsp_request *ret_request,
		       struct fault *fault) MUST_CHECK;

/* Writes a request about one certificate.
   Shape: serial is the contents octets of an INTEGER; nonce may be empty. */
int format_ocsp_request(const struct issuer_hashes *issuer, enum ocsp_hash hash,
			struct bytes serial, struct bytes nonce, struct buffer *ret_der,
			struct fault *fault) MUST_CHECK;

#endif
