#ifndef CERTPOOL_POOL_MESSAGES_CHOOSE_ONCE_H
#define CERTPOOL_POOL_MESSAGES_CHOOSE_ONCE_H

#include "common/pool/members/pool_numbers.h"
#include "common/pool/messages/signer_cache.h"

enum { UNDER_WAY_MAX = 4 };

/*
 * reuse: once_only. A member is marked as used, durably, before it signs: alone, or with up to
 * three more that sign this process's next messages. What was marked and did not sign is given back
 * by close_once_chooser; after a kill it is lost. What a choice costs does not grow with the pool,
 * but for the file state/pool, which is written as a whole, and is read again only if another
 * process has written it. The caller sees to it that one thread at a time calls these functions.
 */
struct once_chooser {
	const struct layout *layout;
	const struct client_node *client;
	struct signer_cache *cache;
	size_t places[UNDER_WAY_MAX]; /* members that are marked, and about to sign */
	size_t place_count;

	/* The content of state/pool, as long as that is this file. */
	int file; /* -1: not known */
	struct pool_state state;
	uint32_t *unused; /* the members without a mark, in any order */
	size_t unused_count;
};

/* layout, client and cache must outlive it. Owns: close_once_chooser. */
void init_once_chooser(struct once_chooser *once, const struct layout *layout,
		       const struct client_node *client, struct signer_cache *cache);

/* Gives back the places that no message has taken; what fails is lost. */
void close_once_chooser(struct once_chooser *once);

/*
 * A member that has never signed, drawn uniformly from those that can sign. If there is none, what
 * the pool's on_empty says: EMPTY_REUSE gives a used one, the same until the pool is filled up;
 * EMPTY_BLOCK waits. wanted: how many messages are to come, at least 1.
 * Owns: the caller releases *ret_signer. Errors: FAULT_NOT_FOUND, with EMPTY_FAIL.
 */
int choose_once(struct once_chooser *once, size_t wanted, int64_t now_s, struct signer **ret_signer,
		struct fault *fault) MUST_CHECK;

/* Marks this member. Errors: FAULT_REFUSED if it was used before. */
int use_once(struct once_chooser *once, size_t member, int64_t now_s,
	     struct fault *fault) MUST_CHECK;

#endif
