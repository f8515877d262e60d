#ifndef CERTPOOL_POOL_MESSAGES_REPLAY_LOG_H
#define CERTPOOL_POOL_MESSAGES_REPLAY_LOG_H

#include "common/crypto/signed_message.h"
#include "common/layout/layout.h"

/*
 * The messages that a receiver has taken, by jti, so that none is taken twice within the freshness
 * window, also not after a restart: state/seen, one line "IAT JTI\n" a message, appended before the
 * message is handed on, and one line "-IAT JTI\n" a message that was taken back. Lines older than
 * the window are dropped when it is opened, and as time goes on. A last line cut short by a crash
 * is dropped. A clock that goes back does not make it forget: an iat no later than that of a
 * message already dropped counts as seen. Safe for several threads.
 *
 * Not done: that bound is not kept in the file, so that a clock that was once far ahead does not
 * shut out every message for good; a receiver started with such a clock, and again with the right
 * one, could take a message of the window twice. Nor is there an fsync for each message: after a
 * power failure (not after a crash of the process) the last messages before it could be taken again
 * within the window.
 */
struct replay_log;

enum { SEEN_MAX = 1000000 }; /* messages within one window; more: FAULT_BUSY */

/* For one process at a time: the caller holds the lock state/serving. */
int open_replay_log(const struct layout *layout, int64_t now_s, struct replay_log **ret_seen,
		    struct fault *fault) MUST_CHECK;
void free_replay_log(struct replay_log **seen);

/* Remembers the jti. *ret_new false: it was there. */
int remember_jti(struct replay_log *seen, const char *jti, int64_t iat_s, int64_t now_s,
		 bool *ret_new, struct fault *fault) MUST_CHECK;

/* Takes back what remember_jti has remembered: the message was not handed on after all. */
int forget_jti(struct replay_log *seen, const char *jti, struct fault *fault) MUST_CHECK;

#endif
