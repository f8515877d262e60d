#ifndef CERTPOOL_POOL_REVOCATION_ASK_OCSP_H
#define CERTPOOL_POOL_REVOCATION_ASK_OCSP_H

#include "common/x509/revocation/ocsp_response.h"

/* What a responder says of a certificate. */
struct ocsp_finding {
	enum ocsp_status status;
	int64_t revoked_at_s; /* when revoked */
	int reason;           /* CRLReason */
};

/*
 * Asks the OCSP responder at the URL (http, POST) about a certificate that the issuer issued, with
 * a fresh nonce of 32 octets, and verifies the answer (common/x509/revocation/ocsp_verify.h). It
 * names the certificate by SHA-1, which every responder knows.
 *
 * Errors: FAULT_USAGE for the URL. FAULT_UNREACHABLE whenever it cannot be told how the certificate
 * stands: nobody answers, not with 200 and an OCSP response, not successfully, or with an answer
 * that is not to be relied on; the text says which, and what to do.
 */
int ask_ocsp(const char *url, const struct certificate *issuer,
	     const struct certificate *certificate, int64_t now_s, struct ocsp_finding *ret_finding,
	     struct fault *fault) MUST_CHECK;

#endif
