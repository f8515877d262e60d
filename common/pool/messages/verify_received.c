#include "common/pool/messages/verify_received.h"

#include "common/wire/claims.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const struct certificate *signer_certificate(const struct received_jws *received)
{
	return received->chain != NULL ? received->chain->certificates[0] : NULL;
}

void clear_received_jws(struct received_jws *received)
{
	clear_signed_message(&received->message);
	release_presented_chain(&received->chain);
	*received = (struct received_jws){0};
}

/* Checks who sent the message, to whom, and when. */
static void check_claims(const struct verifier *verifier, const struct message_claims *message,
			 const char *peer, int64_t now_s, struct verdict *verdict)
{
	struct request_claims claims = {.iat_s = message->iat_s};
	struct refusal refusal = {0};

	/* Without iss the shared key alone identifies the sender. */
	(void)snprintf(claims.iss, sizeof(claims.iss), "%s",
		       message->iss[0] != '\0' ? message->iss : peer);
	memcpy(claims.aud, message->aud, sizeof(claims.aud));
	memcpy(claims.jti, message->jti, sizeof(claims.jti));
	check_request_claims(&claims, peer, verifier->self, now_s, &refusal);
	if (is_refused(&refusal))
		reject_because(verdict, "%s", refusal.detail);
}

typedef int jws_parser(struct bytes jws, struct signed_message *ret_message, struct fault *fault);

/* A JWS that cannot be parsed is an invalid message, not a fault. */
static int parse_message(jws_parser *parse, struct bytes jws, struct received_jws *received,
			 struct fault *fault)
{
	struct fault failure = {0};

	if (parse(jws, &received->message, &failure) == 0)
		return 0;
	if (pass_failure(&failure, fault) < 0)
		return -1;
	reject_because(&received->verdict, "%s", failure.text);
	return 0;
}

/* Verifies the certificate chain, and the signature by the signer's key. */
static int check_signer(const struct verifier *verifier, int64_t now_s,
			struct received_jws *received, struct fault *fault)
{
	struct verdict *verdict = &received->verdict;
	bool was_invalid = verdict->invalid;

	if (verify_presented_chain(verifier->chain_cache, &received->message, now_s,
				   &received->chain, verdict, fault) < 0)
		return -1;
	received->certificate_wanted =
		received->message.by_digest && verdict->invalid && !was_invalid;
	if (verdict->invalid)
		return 0;
	return verify_message(&received->message,
			      certificate_public_key(signer_certificate(received)), verdict, fault);
}

/* Asks for each message whether the signer's certificate, or with CRLs any certificate of its path,
   is revoked. */
static void check_revocation(const struct verifier *verifier, int64_t now_s,
			     struct received_jws *received)
{
	struct verdict *verdict = &received->verdict;

	if (!verdict->invalid && verifier->crl_source != NULL)
		check_path_status(verifier->crl_source, &received->chain->path, now_s, verdict);
	if (!verdict->invalid && verifier->status_cache != NULL)
		check_cached_status(verifier->status_cache, signer_certificate(received), now_s,
				    verdict);
}

static void check_size(const struct verifier *verifier, struct received_jws *received)
{
	if (received->message.payload.len > verifier->message_limit)
		reject_because(&received->verdict, "M: expected at most %zu octets, found %zu",
			       verifier->message_limit, received->message.payload.len);
}

/* All but the claims and the size. */
static int check_content(const struct verifier *verifier, int64_t now_s,
			 struct received_jws *received, struct fault *fault)
{
	if (check_signer(verifier, now_s, received, fault) < 0)
		return -1;
	check_revocation(verifier, now_s, received);
	return 0;
}

/* A message that is refused anyhow need not come again. */
static void want_certificate(struct received_jws *received)
{
	received->certificate_wanted = !received->verdict.invalid;
	reject_because(&received->verdict,
		       "x5t#S256: expected a certificate that came with an earlier message");
}

int verify_received(const struct verifier *verifier, const char *peer, struct bytes jws,
		    int64_t now_s, struct received_jws *ret_received, struct fault *fault)
{
	struct signed_message *message = &ret_received->message;

	if (parse_message(parse_signed_message, jws, ret_received, fault) < 0)
		return -1;
	if (ret_received->verdict.invalid)
		return 0;
	check_claims(verifier, &message->claims, peer, now_s, &ret_received->verdict);
	check_size(verifier, ret_received);
	if (message->by_digest &&
	    recall_certificate(verifier->memory, peer, now_s, message, fault) < 0)
		return -1;
	if (message->chain_count == 0) {
		want_certificate(ret_received);
		return 0;
	}
	return check_content(verifier, now_s, ret_received, fault);
}

/* Nobody answers for the age of a sealed message but the receiver's own limit. */
static void check_seal_time(int64_t iat_s, int64_t max_age_s, int64_t now_s,
			    struct verdict *verdict)
{
	int64_t age_s = now_s - iat_s;

	if (age_s < -FRESHNESS_WINDOW_S)
		reject_because(verdict,
			       "iat: expected at most %d s ahead of our clock, found %" PRId64
			       " s: a clock is wrong",
			       FRESHNESS_WINDOW_S, -age_s);
	if (max_age_s > 0 && age_s > max_age_s)
		reject_because(verdict,
			       "iat: expected at most %" PRId64 " s ago, found %" PRId64
			       " s: the message is too old",
			       max_age_s, age_s);
}

/* A key that was kept, or stolen, past its certificate signs nothing that counts. */
static void check_signed_while_valid(struct received_jws *received)
{
	const struct certificate *certificate = signer_certificate(received);
	int64_t iat_s = received->message.claims.iat_s;

	if (!received->verdict.invalid && (iat_s < certificate_not_before(certificate) ||
					   iat_s > certificate_not_after(certificate)))
		reject_because(&received->verdict,
			       "iat: expected a time at which the signer's certificate is valid");
}

int verify_sealed(const struct verifier *verifier, struct bytes jws, int64_t max_age_s,
		  int64_t now_s, struct received_jws *ret_received, struct fault *fault)
{
	if (parse_message(parse_sealed_message, jws, ret_received, fault) < 0)
		return -1;
	if (ret_received->verdict.invalid)
		return 0;
	check_seal_time(ret_received->message.claims.iat_s, max_age_s, now_s,
			&ret_received->verdict);
	check_size(verifier, ret_received);
	if (check_content(verifier, now_s, ret_received, fault) < 0)
		return -1;
	check_signed_while_valid(ret_received);
	return 0;
}
