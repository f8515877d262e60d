#ifndef CERTPOOL_X509_REVOCATION_OCSP_VERIFY_H
#define CERTPOOL_X509_REVOCATION_OCSP_VERIFY_H

#include "common/base/verdict.h"
#include "common/x509/revocation/ocsp_response.h"

/* The question that a client sent, and the time at which it has the answer. */
struct ocsp_question {
	const struct certificate *issuer; /* of the certificate that was asked about */
	struct bytes serial;              /* of that certificate: contents octets of the INTEGER */
	struct bytes nonce;               /* as sent; not empty */
	int64_t now_s;
};

enum {
	OCSP_SKEW_S = 300,     /* the responder's clock may be ahead by as much */
	OCSP_AGE_MAX_S = 3600, /* of thisUpdate, if there is no nextUpdate */
};

/*
 * Whether a response may be relied on as the answer to the question (RFC 6960 section 3.2):
 * - it is successful, and has the nonce that was sent, so that it is not an older one (RFC 9654);
 * - the issuer signed it, or a delegate: the holder of a certificate that the issuer signed, that
 *   is valid now (in the second of notAfter too), and has PROFILE_RESPONDER (section 4.2.2.2);
 * - it has exactly one SingleResponse about the certificate, and that is current: thisUpdate and
 *   producedAt are not in the future, nextUpdate is not past.
 *
 * *ret_single is that SingleResponse, as slices of der. It is untouched if the verdict is invalid.
 *
 * Not done: checking whether the delegate's certificate is revoked. Our responders' certificates
 * are valid for days and have id-pkix-ocsp-nocheck.
 */
int verify_ocsp_response(struct bytes der, const struct ocsp_question *question,
			 struct ocsp_single *ret_single, struct verdict *verdict,
			 struct fault *fault) MUST_CHECK;

#endif
