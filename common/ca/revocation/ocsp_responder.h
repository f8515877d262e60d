#ifndef CERTPOOL_CA_REVOCATION_OCSP_RESPONDER_H
#define CERTPOOL_CA_REVOCATION_OCSP_RESPONDER_H

#include "common/ca/store/store.h"
#include "common/x509/issuer_set.h"
#include "common/x509/revocation/ocsp_response.h"

/*
 * The CA's OCSP responder (RFC 6960, RFC 5019, RFC 9654): answers requests from the store. It signs
 * with a key of its own for each issuer (responder_key.h): an answer is signed for the issuer of
 * the first certificate in the request that is one of this CA's.
 *
 * What always holds:
 * - "good" is the answer for a certificate that is in the store and not revoked, even an expired
 *   one; "unknown" for a certificate that this CA did not issue or has pruned, for another issuer's
 *   than the one that signs the answer, and under a digest other than SHA-1 and SHA-256.
 * - The answer about an issuer that has ended (issuers.h) is unauthorized, without a status.
 * - When the store cannot be read the answer is internalError or tryLater, never "good".
 * - thisUpdate never decreases within one process, unless the clock goes back by more than
 *   OCSP_SKEW_S: it was wrong before then, and what was signed for that time is dropped.
 *
 * An answer without a nonce about one certificate that is good or revoked is cached until any
 * certificate is revoked or removed, or half of the answer's validity is over.
 *
 * Safe for several threads. Knows no HTTP.
 */
struct responder;

/* The validity of an answer, unless the responder's certificate ends before. */
enum { OCSP_VALIDITY_S = 3600 };

/* Both must outlive it. */
int new_responder(struct store *store, const struct issuer_set *issuers,
		  struct responder **ret_responder, struct fault *fault) MUST_CHECK;
void free_responder(struct responder **responder);

struct ocsp_reply {
	struct buffer der;
	enum ocsp_outcome outcome;
	bool cacheable; /* by others, until next_update_s */
	int64_t this_update_s;
	int64_t next_update_s;
	struct fault problem; /* for the log: the reason for an error, or for a failed renewal of
				 the key; FAULT_NONE: none */
};

void clear_ocsp_reply(struct ocsp_reply *reply);

/* Answers any octets: a bad request gets an OCSP error in *ret_reply. -1 only for lack of memory.
 */
int answer_ocsp(struct responder *responder, struct bytes request, int64_t now_s,
		struct ocsp_reply *ret_reply, struct fault *fault) MUST_CHECK;

/* Whether answer_ocsp would wait neither for the store nor for a new key. */
bool is_answer_at_hand(struct responder *responder, struct bytes request, int64_t now_s);

#endif
