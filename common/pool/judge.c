#include "common/pool/judge.h"

#include "common/wire/claims.h"
#include "common/x509/chain.h"

#include <stdio.h>
#include <string.h>

void clear_judged(struct judged *judged)
{
	clear_signed_message(&judged->message);
	free_certificate(&judged->certificate);
	*judged = (struct judged){0};
}

/* Whose message it says it is, for whom, and from when. */
static void check_claims(const struct judge *judge, const struct message_claims *message,
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
		reject(verdict, "%s", refusal.detail);
}

/* The certificates of x5c, the signer's first. */
struct chain {
	struct certificate *certificates[CHAIN_MAX];
	size_t count;
};

static void clear_chain(struct chain *chain)
{
	for (size_t i = 0; i < CHAIN_MAX; i++)
		free_certificate(&chain->certificates[i]);
}

static int parse_chain(const struct signed_message *message, struct chain *chain,
		       struct verdict *verdict, struct fault *fault)
{
	for (; chain->count < message->chain_count; chain->count++) {
		struct fault found = {0};

		if (parse_certificate_der(bytes_of_buffer(&message->chain[chain->count]),
					  &chain->certificates[chain->count], &found) == 0)
			continue;
		if (found.class == FAULT_FAILED)
			return set_fault(fault, found.class, "%s", found.text);
		reject(verdict, "x5c: certificate %zu: %s", chain->count + 1, found.text);
		return 0;
	}
	return 0;
}

static int check_signature(const struct judge *judge, const struct chain *chain,
			   const struct signed_message *message, int64_t now_s,
			   struct verdict *verdict, struct fault *fault)
{
	const struct certificate *intermediates[CHAIN_MAX];
	const struct certificate *signer = chain->certificates[0];
	const struct certificate *issuer;

	for (size_t i = 1; i < chain->count; i++)
		intermediates[i - 1] = chain->certificates[i];
	if (verify_chain(judge->root, intermediates, chain->count - 1, signer, now_s, verdict,
			 fault) < 0)
		return -1;
	if (verdict->invalid)
		return 0;
	if (verify_message(message, certificate_public_key(signer), verdict, fault) < 0)
		return -1;
	issuer = find_issuer(judge->root, intermediates, chain->count - 1, signer);
	if (!verdict->invalid && judge->crl != NULL)
		check_crl_source(judge->crl, issuer, signer, now_s, verdict);
	return 0;
}

/* Takes the JWS apart. What is no JWS is an invalid message. */
static int parse_message(struct bytes jws, struct judged *judged, struct fault *fault)
{
	struct fault found = {0};

	if (parse_signed_message(jws, &judged->message, &found) == 0)
		return 0;
	if (found.class == FAULT_FAILED)
		return set_fault(fault, found.class, "%s", found.text);
	reject(&judged->verdict, "%s", found.text);
	return 0;
}

static int judge_chain(const struct judge *judge, int64_t now_s, struct judged *judged,
		       struct fault *fault)
{
	CLEANUP(clear_chain) struct chain chain = {0};
	struct verdict *verdict = &judged->verdict;
	int result;

	if (parse_chain(&judged->message, &chain, verdict, fault) < 0)
		return -1;
	result = verdict->invalid
			 ? 0
			 : check_signature(judge, &chain, &judged->message, now_s, verdict, fault);
	judged->certificate = TAKE(chain.certificates[0]);
	return result;
}

int judge_message(const struct judge *judge, const char *peer, struct bytes jws, int64_t now_s,
		  struct judged *ret_judged, struct fault *fault)
{
	struct verdict *verdict = &ret_judged->verdict;

	if (parse_message(jws, ret_judged, fault) < 0)
		return -1;
	if (verdict->invalid)
		return 0;
	check_claims(judge, &ret_judged->message.claims, peer, now_s, verdict);
	if (ret_judged->message.payload.len > judge->message_limit)
		reject(verdict, "M: expected at most %zu octets, found %zu", judge->message_limit,
		       ret_judged->message.payload.len);
	if (judge_chain(judge, now_s, ret_judged, fault) < 0)
		return -1;
	if (!verdict->invalid && judge->online != NULL)
		check_online(judge->online, ret_judged->certificate, now_s, verdict);
	return 0;
}
