#ifndef CERTPOOL_POOL_REVOCATION_ASK_OCSP_H
#define CERTPOOL_POOL_REVOCATION_ASK_OCSP_H

#include "common/x509/revocation/ocsp_response.h"

/* A responder's verified answer about one certificate. */
struct ocsp_finding {
	enum ocsp_status status;
	int64_t revoked_at_s; /* if revoked */
	int reason;           /* if revoked: CRLReason */
};

/* Where a responder is. */
struct ocsp_location {
	const char *url;   /* http or https */
	const char *roots; /* as of struct http_client_settings, for https */
};

/*
 * Asks the OCSP responder at the URL (POST) about a certificate of the issuer, with a fresh
 * nonce of 32 octets, and verifies the response (common/x509/revocation/ocsp_verify.h). The request
 * names the certificate by SHA-1, which every responder supports.
 *
 * Errors: FAULT_USAGE for the URL. FAULT_UNREACHABLE whenever the status remains unknown: no
 * answer, an HTTP status other than 200, no OCSP response, an OCSP error, or a response that does
 * not verify; the text says which, and what to do.
 */
int ask_ocsp(const struct ocsp_location *responder, const struct certificate *issuer,
	     const struct certificate *certificate, int64_t now_s, struct ocsp_finding *ret_finding,
	     struct fault *fault) MUST_CHECK;

#endif
