#ifndef CERTPOOL_POOL_MESSAGES_CHAIN_CACHE_H
#define CERTPOOL_POOL_MESSAGES_CHAIN_CACHE_H

#include "common/base/verdict.h"
#include "common/crypto/signed_message.h"
#include "common/x509/certificate.h"

#include <stdatomic.h>
#include <sys/queue.h>

/*
 * The certificates that messages show: the signer's, and those that lead from it to the root. Those
 * that were verified are kept, so that the next message that shows the same octets costs no more
 * than its own signature. Kept is only what cannot change: that they parse, are in their profiles,
 * and lead to the root by their signatures. The time is looked at always: unless it is within the
 * validity of each of them and of the root, they are verified anew. Nothing is kept of revocation,
 * nor of what does not hold. The root is one for all; another has other verified chains.
 *
 * A bounded number is kept (each takes some 2 KB for each certificate); for one more, that which
 * was not shown for longest goes. Safe for several threads.
 */
struct chain_cache;

enum { CHAIN_CACHE_MAX = 4096 };

/* What one message shows. Nothing of it changes; several may hold it. */
struct presented_chain {
	struct certificate *certificates[CHAIN_MAX]; /* the signer's first */
	size_t count;
	const struct certificate *issuer; /* of the signer's; NULL unless verified */

	/* For chain_cache.c. */
	int64_t valid_from_s;
	int64_t valid_until_s;
	uint8_t sha256[SHA256_LEN];
	atomic_uint holders;
	LIST_ENTRY(presented_chain) in_bucket;
	TAILQ_ENTRY(presented_chain) in_order;
};

/* Takes the root. At most `most` are kept. */
int new_chain_cache(struct certificate **root, size_t most, struct chain_cache **ret_verified,
		    struct fault *fault) MUST_CHECK;
void free_chain_cache(struct chain_cache **verified);

/*
 * Whether the certificates of the message can be relied on now (verify_chain). When the verdict is
 * invalid already, they are only parsed.
 * Owns: *ret_chain is to be released. It is NULL when the signer's certificate cannot be parsed,
 * and otherwise there also when the verdict is invalid. Its issuer must not outlive verified.
 */
int verify_presented_chain(struct chain_cache *verified, const struct signed_message *message,
			   int64_t now_s, struct presented_chain **ret_chain,
			   struct verdict *verdict, struct fault *fault) MUST_CHECK;
void release_presented_chain(struct presented_chain **chain);

#endif
