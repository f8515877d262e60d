#ifndef CERTPOOL_POOL_MESSAGES_VERIFY_RECEIVED_H
#define CERTPOOL_POOL_MESSAGES_VERIFY_RECEIVED_H

#include "common/crypto/signed_message.h"
#include "common/pool/messages/certificate_memory.h"
#include "common/pool/messages/chain_cache.h"
#include "common/pool/revocation/consult_path.h"
#include "common/pool/revocation/status_cache.h"

/* How a receiver verifies messages. */
struct verifier {
	const char *self; /* the receiver's own node name; unused for sealed messages */
	size_t message_limit;
	struct chain_cache *chain_cache;   /* with the trusted root */
	struct status_cache *status_cache; /* NULL: do not ask the CA */
	struct crl_source *crl_source;     /* NULL: consult no CRL */
	/* Of those that digests name; unused for sealed messages. */
	struct certificate_memory *memory;
};

/* A received message and the verdict on it. The parts that could be read are filled also when the
   verdict is invalid. */
struct received_jws {
	struct signed_message message;
	struct presented_chain *chain; /* NULL if the signer's certificate cannot be parsed */
	struct verdict verdict;
	/* The verdict is invalid, and is none yet: the message names its certificate by a digest.
	   It has to come again with the certificate. */
	bool certificate_wanted;
};

/* The signer's certificate, borrowed; NULL if it cannot be parsed. */
const struct certificate *signer_certificate(const struct received_jws *received);
void clear_received_jws(struct received_jws *received);

/*
 * Verifies that the JWS is a message from the peer under whose shared key it came, to this node,
 * fresh, and signed by the key of a trusted certificate. receive.h lists the checks. Replays are
 * not its business: the caller asks the replay log. The caches remember chains that were verified
 * and answers of the CA. Safe for several threads.
 *
 * A certificate that is named by its digest is recalled, and then verified like one that came with
 * the message. If it is not remembered for this peer, or if what is remembered leads to no trusted
 * root by now, it is wanted: so a digest never changes the verdict.
 * Owns: *ret_received is empty before, and the caller clears it, also after a failure.
 */
int verify_received(const struct verifier *verifier, const char *peer, struct bytes jws,
		    int64_t now_s, struct received_jws *ret_received,
		    struct fault *fault) MUST_CHECK;

/*
 * Verifies that the JWS is a sealed message, signed by the key of a certificate that is trusted
 * now. iat may be any time at which that certificate was valid, up to FRESHNESS_WINDOW_S ahead of
 * the clock, and at most max_age_s behind it; 0: any age. Whether the message came before is not
 * asked.
 * Owns: as verify_received.
 */
int verify_sealed(const struct verifier *verifier, struct bytes jws, int64_t max_age_s,
		  int64_t now_s, struct received_jws *ret_received, struct fault *fault) MUST_CHECK;

#endif
