#ifndef CERTPOOL_POOL_SEEN_H
#define CERTPOOL_POOL_SEEN_H

#include "common/crypto/signed_message.h"
#include "common/layout/layout.h"

/*
 * The messages that a receiver has taken, by jti, so that none is taken twice within the freshness
 * window, also not after a restart: state/seen, one line "IAT JTI\n" a message, appended before the
 * message is handed on; lines older than the window are dropped when it is opened, and in memory as
 * time goes on. A last line cut short by a crash is dropped. Safe for several threads.
 *
 * Not done: fsync for each message. After a power failure (not after a crash of the process) the
 * last messages before it could be taken again within the window.
 */
struct seen;

enum { SEEN_MAX = 1000000 }; /* messages within one window; more: FAULT_BUSY */

int open_seen(const struct layout *layout, int64_t now_s, struct seen **ret_seen,
	      struct fault *fault) MUST_CHECK;
void free_seen(struct seen **seen);

/* Remembers the jti. *ret_new false: it was there. */
int remember_jti(struct seen *seen, const char *jti, int64_t iat_s, int64_t now_s, bool *ret_new,
		 struct fault *fault) MUST_CHECK;

#endif
