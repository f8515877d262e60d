#ifndef CERTPOOL_POOL_MESSAGES_VERIFY_RECEIVED_H
#define CERTPOOL_POOL_MESSAGES_VERIFY_RECEIVED_H

#include "common/crypto/signed_message.h"
#include "common/pool/messages/chain_cache.h"
#include "common/pool/revocation/crl_source.h"
#include "common/pool/revocation/status_cache.h"

/* What a receiver holds messages against. */
struct verifier {
	const char *self; /* our node's name */
	size_t message_limit;
	struct chain_cache *verified; /* the root, and what led to it */
	struct status_cache *online;  /* NULL: the CA is not asked */
	struct crl_source *crl;       /* NULL: no CRL is */
};

/* A message that was looked at. What of it could be read is there also when it is invalid. */
struct verified_message {
	struct signed_message message;
	struct presented_chain *chain; /* NULL when the signer's certificate cannot be read */
	struct verdict verdict;
};

/* The signer's certificate, borrowed; NULL when there is none to be read. */
const struct certificate *signer_certificate(const struct verified_message *judged);
void clear_verified_message(struct verified_message *judged);

/*
 * Whether the JWS is a message from the peer, under whose shared key it came, to us, now, signed by
 * the key of a certificate that can be relied on; receive.h says what is checked. Not whether it is
 * new. Nothing is remembered but the CA's answers and certificates that hold. Safe for several
 * threads. ret_judged must be empty, and is to be cleared also after a failure.
 */
int verify_received(const struct verifier *judge, const char *peer, struct bytes jws, int64_t now_s,
		    struct verified_message *ret_judged, struct fault *fault) MUST_CHECK;

#endif
