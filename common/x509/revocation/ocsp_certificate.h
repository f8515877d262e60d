#ifndef CERTPOOL_X509_REVOCATION_OCSP_CERTIFICATE_H
#define CERTPOOL_X509_REVOCATION_OCSP_CERTIFICATE_H

#include "common/x509/issuer.h"

struct responder_options {
	const struct public_key *key; /* the responder's own, not the issuer's */
	const char *subject;          /* RFC 4514 */
	struct validity validity;
};

/*
 * The certificate of a delegated OCSP responder (RFC 6960 section 4.2.2.2): in PROFILE_MEMBER, with
 * digitalSignature, extendedKeyUsage id-kp-OCSPSigning alone, and id-pkix-ocsp-nocheck (section
 * 4.2.2.2.1): nobody is to ask whether it is revoked, so it should not live long. FAULT_REFUSED
 * unless its validity lies within the issuer's.
 */
int create_responder_certificate(const struct issuer *issuer, const struct responder_options *terms,
				 const uint8_t serial[static SERIAL_MAX], struct buffer *ret_der,
				 struct fault *fault) MUST_CHECK;

#endif
