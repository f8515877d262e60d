#ifndef CERTPOOL_POOL_MEMBERS_TAKE_KEY_H
#define CERTPOOL_POOL_MEMBERS_TAKE_KEY_H

#include "common/crypto/shared_key.h"
#include "common/layout/layout.h"
#include "common/net/client/idle_clients.h"

/* A node that asks another one about their shared key. */
struct key_question {
	const struct layout *layout; /* of the asking node; not for claim_key */
	const char *self;
	const char *peer;
	struct idle_clients *clients; /* for the peer's endpoint */
};

/*
 * Asks the peer whether the shared key has a successor, and takes it: it is durable before it is
 * used, and the peer learns that from a second question under it. An old key that is marked so has
 * its successor offered to the peer instead. The CA and a receiver answer; for an older one, or
 * one that cannot be reached, nothing changes, and the next call asks again.
 * Shape: the caller holds the layout's lock.
 * Errors: those of this node's files.
 */
int take_new_key(const struct key_question *question, int64_t now_s,
		 struct fault *fault) MUST_CHECK;

/*
 * Asks for the successor of an invitation's key that counts once. Errors: FAULT_REFUSED when the
 * invitation was used or has ended; those of ask_encrypted.
 */
int claim_key(const struct key_question *question, const struct shared_key *invited, int64_t now_s,
	      struct shared_key *ret_key, struct fault *fault) MUST_CHECK;

/* The key under which the peer is to be sent a message: the current one, or the old one as long as
   its successor has not been offered. */
int read_sending_key(const struct layout *layout, const char *peer, int64_t now_s,
		     struct shared_key *ret_key, struct fault *fault) MUST_CHECK;

#endif
