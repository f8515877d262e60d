#ifndef CERTPOOL_CA_REVOCATION_OCSP_RESPONDER_H
#define CERTPOOL_CA_REVOCATION_OCSP_RESPONDER_H

#include "common/ca/store/store.h"
#include "common/x509/issuer.h"
#include "common/x509/revocation/ocsp_response.h"

/*
 * The CA's OCSP responder (RFC 6960, RFC 5019, RFC 8954): answers requests from the record. It
 * signs with a key of its own (responder_key.h), made at the first request, and renewed in
 * time, or when its certificate was revoked; a renewal that fails is tried again a minute later,
 * while the old one stands.
 *
 * What holds: "good" is said of what is recorded and not revoked, expired or not; "unknown" of
 * what this CA did not issue, or no longer has, of another issuer's, and under a digest other than
 * SHA-1 and SHA-256. When the record cannot be read the answer is internalError or tryLater.
 * No answer is signed with an earlier thisUpdate than one before it in this process, whatever the
 * clock says.
 *
 * An answer without a nonce about one certificate that is good or revoked is signed once and given
 * again until anything in the record is revoked or removed, or half of its life is over.
 *
 * Safe for several threads. It knows no HTTP.
 */
struct responder;

/* How long an answer is good for, unless the responder's certificate ends before. */
enum { OCSP_VALIDITY_S = 3600 };

/* Both outlive it. */
int new_responder(struct store *store, const struct issuer *issuer,
		  struct responder **ret_responder, struct fault *fault) MUST_CHECK;
void free_responder(struct responder **responder);

struct ocsp_reply {
	struct buffer der;
	enum ocsp_outcome outcome;
	bool cacheable; /* others may keep it until next_update_s */
	int64_t this_update_s;
	int64_t next_update_s;
	struct fault trouble; /* what went wrong, for the log; FAULT_NONE when nothing did */
};

void clear_ocsp_reply(struct ocsp_reply *reply);

/* Answers a request, whatever it is: -1 only when there is no memory. */
int answer_ocsp(struct responder *responder, struct bytes request, int64_t now_s,
		struct ocsp_reply *ret_reply, struct fault *fault) MUST_CHECK;

#endif
