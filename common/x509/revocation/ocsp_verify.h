#ifndef CERTPOOL_X509_REVOCATION_OCSP_VERIFY_H
#define CERTPOOL_X509_REVOCATION_OCSP_VERIFY_H

#include "common/base/verdict.h"
#include "common/x509/revocation/ocsp_response.h"

/* What was asked, and when the answer came. */
struct ocsp_question {
	const struct certificate *issuer; /* of the certificate that was asked about */
	struct bytes serial;              /* of that certificate: contents octets */
	struct bytes nonce;               /* that was sent; not empty */
	int64_t now_s;
};

enum {
	OCSP_SKEW_S = 300,     /* how far ahead the responder's clock may be */
	OCSP_AGE_MAX_S = 3600, /* of thisUpdate, when there is no nextUpdate */
};

/*
 * Whether a response may be relied on as the answer to the question (RFC 6960 section 3.2): it is
 * successful; it has the nonce that was sent, so that it cannot be an older one (RFC 8954); it is
 * signed by the issuer, or by a certificate that the issuer signed, that is valid now, is in
 * PROFILE_MEMBER and is for OCSPSigning (section 4.2.2.2); it speaks of the certificate, once, and
 * that is current: thisUpdate and producedAt not in the future, nextUpdate not past.
 *
 * What it says is in *ret_single, as slices of der, unless the verdict is invalid.
 *
 * Not done: asking whether the delegated certificate is revoked. Ours live for days and say
 * id-pkix-ocsp-nocheck.
 * Errors: only when it could not be judged.
 */
int verify_ocsp_response(struct bytes der, const struct ocsp_question *question,
			 struct ocsp_single *ret_single, struct verdict *verdict,
			 struct fault *fault) MUST_CHECK;

#endif
