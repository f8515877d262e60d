#ifndef CERTPOOL_WIRE_CLAIMS_H
#define CERTPOOL_WIRE_CLAIMS_H

#include "common/base/bytes.h"
#include "common/base/name.h"
#include "common/crypto/digest.h"
#include "common/crypto/signed_message.h"

/*
 * What every plaintext says besides its content: who says it, to whom, when, and which one it is.
 * An answer names the request by its jti and by the SHA-256 of its JWE as it was sent, so that it
 * cannot be taken for the answer to another.
 */

/* How far another node's clock may be from ours, either way (`iat`). */
enum { FRESHNESS_WINDOW_S = 300 };

/* How old a request may be that was carried to the CA by hand: whoever carried it vouches for it.
 */
enum { OFFLINE_WINDOW_S = 90 * 86400 };

struct request_claims {
	char iss[NAME_SIZE];
	char aud[NAME_SIZE];
	int64_t iat_s;
	char jti[JTI_SIZE];
};

struct answer_claims {
	char iss[NAME_SIZE];
	char aud[NAME_SIZE];
	int64_t iat_s;
	char in_reply_to[JTI_SIZE]; /* "" when the request could not be read that far */
	uint8_t request_sha256[SHA256_LEN];
};

/* A refusal, of a whole request or of one member of it. */
struct refusal {
	char type[32];    /* a word of refusal_types below; "" is none */
	char detail[512]; /* for people */
};

/*
 * The types of refusal that there are:
 *   malformed       not what the format says
 *   stale           iat too far from the CA's clock
 *   not_for_us      iss or aud is not who it came from or who got it
 *   unknown_client  the CA has no client of that name
 *   disabled        the CA has disabled the client for now
 *   too_many        more requests in one than BATCH_SIZE_MAX
 *   bad_request     the certificate request cannot be parsed or has a key that is weak
 *   bad_proof       the certificate request's signature is not by its key
 *   duplicate_key   the same public key twice in one request
 *   key_taken       the public key is certified for another client, or is the CA's own
 *   policy          the client's policy does not allow it
 *   quota           the client's certificates are used up
 *   key_spent       the public key was certified long ago, and its certificate pruned
 *   rate            the client asks more often than it may: try again later
 *   revoked         the key's certificate was revoked, or the client was
 *   not_yours       a certificate to be revoked is another client's
 *   not_issued      no certificate of this CA has the serial
 *   failed          the CA could not; try again
 */

/* The one that is no reason to give up. */
#define RATE_REFUSAL "rate"

void set_refusal(struct refusal *refusal, const char *type, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A fresh jti; iss, aud and the time as given. */
int make_request_claims(const char *iss, const char *aud, int64_t now_s,
			struct request_claims *ret_claims, struct fault *fault) MUST_CHECK;

/*
 * Holds a request's claims against the node whose key it came under, the node that got it, and the
 * clock. A request that does not hold is refused: *refusal is filled.
 */
void check_request_claims(const struct request_claims *claims, const char *peer, const char *self,
			  int64_t now_s, struct refusal *refusal);

/* The same for a request that was carried to the CA by hand. */
void check_offline_claims(const struct request_claims *claims, const char *peer, const char *self,
			  int64_t now_s, struct refusal *refusal);

/* The claims of the answer to a request. */
struct answer_claims make_answer_claims(const struct request_claims *request,
					const uint8_t request_sha256[static SHA256_LEN],
					const char *iss, const char *aud, int64_t now_s);

/* FAULT_UNVERIFIED unless the answer is the CA's or peer's, to us, to this request. */
int check_answer_claims(const struct answer_claims *claims, const struct request_claims *request,
			const uint8_t request_sha256[static SHA256_LEN],
			struct fault *fault) MUST_CHECK;

/*
 * Whether an answer of the CA can be used: check_answer_claims, and the CA did not refuse the whole
 * request (refusal->type is empty).
 * Errors: FAULT_UNVERIFIED for the claims; for a refusal FAULT_BUSY when the client asks too often,
 * FAULT_FAILED when the CA itself failed, FAULT_REFUSED otherwise.
 */
int check_ca_answer(const struct answer_claims *claims, const struct refusal *refusal,
		    const struct request_claims *request,
		    const uint8_t request_sha256[static SHA256_LEN],
		    struct fault *fault) MUST_CHECK;

#endif
