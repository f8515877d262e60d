#ifndef CERTPOOL_POOL_MESSAGES_CHAIN_CACHE_H
#define CERTPOOL_POOL_MESSAGES_CHAIN_CACHE_H

#include "common/base/verdict.h"
#include "common/crypto/signed_message.h"
#include "common/pool/members/trust.h"
#include "common/x509/chain.h"

#include <stdatomic.h>
#include <sys/queue.h>

/*
 * A cache of verified certificate chains, as messages present them: the signer's certificate and
 * the certificates between it and the root. A message that presents the same octets again costs
 * only the check of its own signature.
 *
 * The cache holds results that cannot change: the certificates of the path parse, are in their
 * profiles, and chain to the root by their signatures. Validity is checked on every use: a chain of
 * whose path a certificate is not valid at that time is verified again. Revocation and failed
 * chains are not cached, and all are dropped when other roots are trusted.
 *
 * An entry takes some 2 KB a certificate. A full cache drops the least recently used chain. Safe
 * for several threads.
 */
struct chain_cache;

enum { CHAIN_CACHE_MAX = 4096 };

/* The chain of one message. Immutable and reference-counted. Those of its certificates that cannot
   be read, or are not supported, are left out. */
struct presented_chain {
	struct certificate *certificates[CHAIN_MAX]; /* the signer's first */
	size_t count;
	struct path path; /* from the signer's certificate to the root; empty unless verified */

	/* For chain_cache.c. */
	int64_t valid_from_s;
	int64_t valid_until_s;
	uint8_t sha256[SHA256_LEN];
	atomic_uint references;
	LIST_ENTRY(presented_chain) in_bucket;
	TAILQ_ENTRY(presented_chain) in_order;
};

/*
 * An empty cache of at most max_count chains, to one of these roots. `known` are intermediates that
 * a path may go through even if a message does not present them, such as the cross certificates of
 * a root. Owns: takes *roots and *known over, also on failure.
 */
int new_chain_cache(struct roots *roots, struct intermediates *known, size_t max_count,
		    struct chain_cache **ret_cache, struct fault *fault) MUST_CHECK;
void free_chain_cache(struct chain_cache **cache);

/*
 * Trusts the roots and knows the intermediates that the layout has by now, if its files have
 * changed since the last call: a client that asks its CA pins another root while it receives. Costs
 * two stats otherwise. On failure the cache goes on as before; the same fault is not given twice.
 */
int refresh_trust(struct chain_cache *cache, const struct layout *layout,
		  struct fault *fault) MUST_CHECK;

/*
 * Verifies the certificates of the message at that time (verify_chain). If *verdict is invalid
 * already, they are only parsed.
 * Owns: the caller releases *ret_chain. It is NULL if the signer's certificate cannot be parsed; it
 * is filled also when the verdict is invalid. Its path lives as long as the chain and the cache.
 */
int verify_presented_chain(struct chain_cache *cache, const struct signed_message *message,
			   int64_t now_s, struct presented_chain **ret_chain,
			   struct verdict *verdict, struct fault *fault) MUST_CHECK;
void release_presented_chain(struct presented_chain **chain);

#endif
