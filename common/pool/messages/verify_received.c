#include "common/pool/messages/verify_received.h"

#include "common/wire/claims.h"

#include <stdio.h>
#include <string.h>

const struct certificate *signer_certificate(const struct verified_message *judged)
{
	return judged->chain != NULL ? judged->chain->certificates[0] : NULL;
}

void clear_verified_message(struct verified_message *judged)
{
	clear_signed_message(&judged->message);
	release_presented_chain(&judged->chain);
	*judged = (struct verified_message){0};
}

/* Whose message it says it is, for whom, and from when. */
static void check_claims(const struct verifier *judge, const struct message_claims *message,
			 const char *peer, int64_t now_s, struct verdict *verdict)
{
	struct request_claims claims = {.iat_s = message->iat_s};
	struct refusal refusal = {0};

	/* Without iss the shared key alone says whose it is. */
	(void)snprintf(claims.iss, sizeof(claims.iss), "%s",
		       message->iss[0] != '\0' ? message->iss : peer);
	memcpy(claims.aud, message->aud, sizeof(claims.aud));
	memcpy(claims.jti, message->jti, sizeof(claims.jti));
	check_request_claims(&claims, peer, judge->self, now_s, &refusal);
	if (refusal.type[0] != '\0')
		reject_because(verdict, "%s", refusal.detail);
}

/* Takes the JWS apart. What is no JWS is an invalid message. */
static int parse_message(struct bytes jws, struct verified_message *judged, struct fault *fault)
{
	struct fault found = {0};

	if (parse_signed_message(jws, &judged->message, &found) == 0)
		return 0;
	if (pass_failure(&found, fault) < 0)
		return -1;
	reject_because(&judged->verdict, "%s", found.text);
	return 0;
}

/* The certificates, and the signature by the key of the first. */
static int check_signer(const struct verifier *judge, int64_t now_s,
			struct verified_message *judged, struct fault *fault)
{
	struct verdict *verdict = &judged->verdict;

	if (verify_presented_chain(judge->verified, &judged->message, now_s, &judged->chain,
				   verdict, fault) < 0)
		return -1;
	if (verdict->invalid)
		return 0;
	return verify_message(&judged->message, certificate_public_key(signer_certificate(judged)),
			      verdict, fault);
}

/* Whether the certificate still stands. Asked for each message. */
static void check_revocation(const struct verifier *judge, int64_t now_s,
			     struct verified_message *judged)
{
	struct verdict *verdict = &judged->verdict;

	if (!verdict->invalid && judge->crl != NULL)
		check_crl_source(judge->crl, judged->chain->issuer, signer_certificate(judged),
				 now_s, verdict);
	if (!verdict->invalid && judge->online != NULL)
		check_cached_status(judge->online, signer_certificate(judged), now_s, verdict);
}

int verify_received(const struct verifier *judge, const char *peer, struct bytes jws, int64_t now_s,
		    struct verified_message *ret_judged, struct fault *fault)
{
	struct verdict *verdict = &ret_judged->verdict;

	if (parse_message(jws, ret_judged, fault) < 0)
		return -1;
	if (verdict->invalid)
		return 0;
	check_claims(judge, &ret_judged->message.claims, peer, now_s, verdict);
	if (ret_judged->message.payload.len > judge->message_limit)
		reject_because(verdict, "M: expected at most %zu octets, found %zu",
			       judge->message_limit, ret_judged->message.payload.len);
	if (check_signer(judge, now_s, ret_judged, fault) < 0)
		return -1;
	check_revocation(judge, now_s, ret_judged);
	return 0;
}
