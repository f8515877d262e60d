#ifndef CERTPOOL_WIRE_CLAIMS_H
#define CERTPOOL_WIRE_CLAIMS_H

#include "common/base/bytes.h"
#include "common/base/name.h"
#include "common/crypto/digest.h"
#include "common/crypto/signed_message.h"

/*
 * The claims of every plaintext: its issuer, its audience, its time and its number. An answer names
 * its request by the jti and by the SHA-256 of the JWE as it was sent, so that it cannot pass for
 * the answer to another request. RFC 7519 section 4.1 has iss, aud, iat and jti.
 */

/* How far another node's clock may be from ours, either way (`iat`). */
enum { FRESHNESS_WINDOW_S = 300 };

/* The greatest age of a request that a person carried to the CA: that person vouches for it. */
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
	char in_reply_to[JTI_SIZE]; /* "" when the request's jti could not be read */
	uint8_t request_sha256[SHA256_LEN];
};

/* A refusal of a whole request, or of one member of it. Zero-initialised: not refused. */
struct refusal {
	char type[32];    /* one of the types below; "": not refused */
	char detail[512]; /* for people, without control characters */
};

/*
 * The types of refusal:
 *   malformed       the request does not have its format
 *   stale           iat is too far from the CA's clock
 *   not_for_us      iss is not the sender, or aud not the receiver
 *   unknown_client  the CA has no client of that name
 *   disabled        the CA has disabled the client for now
 *   too_many        more requests in one than BATCH_SIZE_MAX
 *   bad_request     the certificate request cannot be parsed or has a key that is weak
 *   bad_proof       the certificate request's signature is not by its key
 *   duplicate_key   the same public key twice in one request
 *   key_taken       the public key is certified for another client, or is the CA's own
 *   policy          the client's policy does not allow it
 *   quota           the client's certificates are used up
 *   key_spent       the public key was certified before, and its certificate has expired
 *   rate            the client asks more often than it may: try again later
 *   revoked         the key's certificate was revoked, or the client was
 *   not_yours       a certificate to be revoked is another client's
 *   not_issued      no certificate of this CA has the serial
 *   invitation      the invitation ended before anybody joined by it
 *   failed          the CA could not; try again
 */

/* The only type after which the client retries by itself. */
#define RATE_REFUSAL "rate"

bool is_refused(const struct refusal *refusal);

void set_refusal(struct refusal *refusal, const char *type, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Turns the fault of a callee that read a request into a refusal of that type; type NULL: too_many
 * for FAULT_TOO_LARGE, malformed for all other classes. A failure of this process itself
 * (FAULT_FAILED) is no refusal: it is passed on, and -1 returned.
 */
int refuse_for_fault(const struct fault *failure, const char *type, struct refusal *ret_refusal,
		     struct fault *fault) MUST_CHECK;

/* A fresh jti; iss, aud and the time as given. */
int make_request_claims(const char *iss, const char *aud, int64_t now_s,
			struct request_claims *ret_claims, struct fault *fault) MUST_CHECK;

/*
 * Refuses a request, in *refusal, unless iss is `peer`, under whose key it came, aud is `self`, and
 * iat is within FRESHNESS_WINDOW_S of the clock. Otherwise *refusal is untouched.
 */
void check_request_claims(const struct request_claims *claims, const char *peer, const char *self,
			  int64_t now_s, struct refusal *refusal);

/* The same for a request that a person carried to the CA: it may be OFFLINE_WINDOW_S old. */
void check_offline_claims(const struct request_claims *claims, const char *peer, const char *self,
			  int64_t now_s, struct refusal *refusal);

/* The claims of the answer to a request. */
struct answer_claims make_answer_claims(const struct request_claims *request,
					const uint8_t request_sha256[static SHA256_LEN],
					const char *iss, const char *aud, int64_t now_s);

/* FAULT_UNVERIFIED unless the answer is from the node that was asked, to us, to this request. */
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
