#ifndef CERTPOOL_POOL_MESSAGES_CHOOSE_ONCE_H
#define CERTPOOL_POOL_MESSAGES_CHOOSE_ONCE_H

#include "common/pool/members/pool_numbers.h"
#include "common/pool/messages/signer_cache.h"

/*
 * reuse: once_only. A member is marked as used, durably, before it signs: alone, or with up to
 * three more that sign this process's next messages. What was marked and did not sign is given back
 * by release_places; after a kill it is lost. The caller sees to it that one thread at a time calls
 * these functions.
 */
struct signing_pool {
	const struct layout *layout;
	const struct client_node *client;
	struct signer_cache *cache;
};

enum { UNDER_WAY_MAX = 4 };

/* Zero-initialised is empty. */
struct once_places {
	size_t members[UNDER_WAY_MAX]; /* marked, and about to sign */
	size_t count;
};

/*
 * A member that has never signed, drawn uniformly from those that can sign. If there is none, what
 * the pool's on_empty says: EMPTY_REUSE gives a used one, the same until the pool is filled up;
 * EMPTY_BLOCK waits. wanted: how many messages are to come, at least 1.
 * Owns: the caller releases *ret_signer. Errors: FAULT_NOT_FOUND, with EMPTY_FAIL.
 */
int choose_once(const struct signing_pool *pool, struct once_places *places, size_t wanted,
		int64_t now_s, struct signer **ret_signer, struct fault *fault) MUST_CHECK;

/* Marks this member. Errors: FAULT_REFUSED if it was used before. */
int use_once(const struct signing_pool *pool, size_t member, int64_t now_s,
	     struct fault *fault) MUST_CHECK;

/* Gives back the places that no message has taken; what fails is lost. */
void release_places(const struct signing_pool *pool, struct once_places *places);

#endif
