#ifndef CERTPOOL_X509_REVOCATION_OCSP_RESPONSE_H
#define CERTPOOL_X509_REVOCATION_OCSP_RESPONSE_H

#include "common/x509/certificate.h"
#include "common/x509/revocation/ocsp_fields.h"
#include "common/x509/signed_object.h"

/* OCSP responses (RFC 6960 section 4.2), as they are written and as they are read. */

#define CONTENT_OCSP_RESPONSE "application/ocsp-response" /* RFC 6960 appendix C.2 */

/* OCSPResponseStatus, whole: what is not successful has no signature. */
enum ocsp_outcome {
	OCSP_SUCCESSFUL = 0,
	OCSP_MALFORMED_REQUEST = 1,
	OCSP_INTERNAL_ERROR = 2,
	OCSP_TRY_LATER = 3,
	OCSP_SIG_REQUIRED = 5,
	OCSP_UNAUTHORIZED = 6,
};

/* "successful", "malformedRequest", …; "a status that there is not" */
const char *format_ocsp_outcome(int outcome);

enum ocsp_status { OCSP_GOOD, OCSP_REVOKED, OCSP_UNKNOWN };

/* "good", "revoked", "unknown" */
const char *format_ocsp_status(enum ocsp_status status);

/* SingleResponse: what is said of one certificate. */
struct ocsp_single {
	struct cert_id id;
	enum ocsp_status status;
	int64_t revoked_at_s; /* when revoked */
	int reason;           /* CRLReason; 0, unspecified, is not written */
	int64_t this_update_s;
	int64_t next_update_s; /* 0: none is given */
};

/* What a responder says. */
struct ocsp_answer {
	const struct ocsp_single *singles;
	size_t count;
	struct bytes nonce; /* empty: none */
	int64_t produced_at_s;
};

/* Who says it. */
struct ocsp_signer {
	const struct private_key *key;
	const struct certificate *certificate;
	const struct certificate *intermediate; /* that issued it; NULL: the root did */
};

/*
 * Signs a response (id-pkix-ocsp-basic). The signer is named by its key, and its certificate is in
 * it, without which not everybody finds it; the intermediate as well, for who knows the root alone.
 */
int format_ocsp_response(const struct ocsp_answer *answer, const struct ocsp_signer *signer,
			 struct buffer *ret_der, struct fault *fault) MUST_CHECK;

/* A response that is no answer. Shape: not OCSP_SUCCESSFUL. */
int format_ocsp_error(enum ocsp_outcome outcome, struct buffer *ret_der,
		      struct fault *fault) MUST_CHECK;

enum { OCSP_RESPONSE_MAX = 65536 };

/* A response that was read, as slices of its DER. Nothing of it has been verified. */
struct ocsp_response {
	int outcome; /* unless OCSP_SUCCESSFUL, everything else is empty */
	struct signed_object signed_object;
	struct bytes responder_name; /* the Name, whole, or else … */
	struct bytes responder_key;  /* … SHA-1 of the key's bits */
	int64_t produced_at_s;
	struct bytes singles; /* contents of the list */
	struct bytes nonce;
	struct bytes certificates; /* one after the other */
};

/*
 * Strict DER with the structure of a response; of a successful one, that its type is basic and its
 * extensions are known, or not critical. FAULT_MALFORMED, FAULT_TOO_LARGE.
 */
int parse_ocsp_response(struct bytes der, struct ocsp_response *ret_response,
			struct fault *fault) MUST_CHECK;

/* Takes the next SingleResponse off *rest. NULL, or what is wrong. */
const char *read_ocsp_single(struct bytes *rest, struct ocsp_single *ret_single);

#endif
