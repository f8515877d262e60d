#ifndef CERTPOOL_X509_REVOCATION_OCSP_RESPONSE_H
#define CERTPOOL_X509_REVOCATION_OCSP_RESPONSE_H

#include "common/x509/certificate.h"
#include "common/x509/revocation/ocsp_fields.h"
#include "common/x509/signed_object.h"

/* OCSP responses (RFC 6960 section 4.2), written and read. */

#define CONTENT_OCSP_RESPONSE "application/ocsp-response" /* RFC 6960 appendix C.2 */

/* OCSPResponseStatus (RFC 6960 section 4.2.1). A response that is not successful has no signature.
 */
enum ocsp_outcome {
	OCSP_SUCCESSFUL = 0,
	OCSP_MALFORMED_REQUEST = 1,
	OCSP_INTERNAL_ERROR = 2,
	OCSP_TRY_LATER = 3,
	OCSP_SIG_REQUIRED = 5,
	OCSP_UNAUTHORIZED = 6,
};

/* "successful", "malformedRequest", …; "an undefined responseStatus" for other numbers. */
const char *format_ocsp_outcome(int outcome);

enum ocsp_status { OCSP_GOOD, OCSP_REVOKED, OCSP_UNKNOWN };

/* "good", "revoked", "unknown" */
const char *format_ocsp_status(enum ocsp_status status);

/* SingleResponse: the status of one certificate. */
struct ocsp_single {
	struct cert_id id;
	enum ocsp_status status;
	int64_t revoked_at_s; /* if revoked */
	int reason;           /* if revoked, CRLReason; 0, unspecified, is not written */
	int64_t this_update_s;
	int64_t next_update_s; /* 0: none */
};

/* The content of a successful response. */
struct ocsp_answer {
	const struct ocsp_single *singles;
	size_t count;
	struct bytes nonce; /* empty: none */
	int64_t produced_at_s;
};

/* The key that signs a response, and the certificates that are sent with it. */
struct ocsp_signer {
	const struct private_key *key;
	const struct certificate *certificate;
	const struct certificate *intermediate; /* its issuer's; NULL: the root issued it */
};

/*
 * Writes and signs a response (id-pkix-ocsp-basic). It names the signer by its key. It holds the
 * signer's certificate, without which some clients cannot find the key, and the intermediate, for
 * clients that have only the root.
 */
int format_ocsp_response(const struct ocsp_answer *answer, const struct ocsp_signer *signer,
			 struct buffer *ret_der, struct fault *fault) MUST_CHECK;

/* Writes a response without an answer. Shape: outcome is not OCSP_SUCCESSFUL. */
int format_ocsp_error(enum ocsp_outcome outcome, struct buffer *ret_der,
		      struct fault *fault) MUST_CHECK;

enum { OCSP_RESPONSE_MAX = 65536 };

/* A parsed response, as slices of its DER. Nothing in it is verified: see verify_ocsp_response. */
struct ocsp_response {
	int outcome; /* enum ocsp_outcome, or undefined. All else is empty unless OCSP_SUCCESSFUL */
	struct signed_object signed_object;
	struct bytes responder_name; /* the whole Name; empty if there is … */
	struct bytes responder_key;  /* … SHA-1 of the key's bits */
	int64_t produced_at_s;
	struct bytes singles; /* contents of the list */
	struct bytes nonce;
	struct bytes certificates; /* DER, one after the other */
};

/*
 * Parses a response.
 * Errors: FAULT_MALFORMED unless the octets are strict DER with a response's structure, and if a
 * successful response has another type than basic or an unknown critical extension;
 * FAULT_TOO_LARGE beyond OCSP_RESPONSE_MAX.
 */
int parse_ocsp_response(struct bytes der, struct ocsp_response *ret_response,
			struct fault *fault) MUST_CHECK;

/* Takes the next SingleResponse off *rest. Returns NULL, or the problem. */
const char *read_ocsp_single(struct bytes *rest, struct ocsp_single *ret_single);

#endif
