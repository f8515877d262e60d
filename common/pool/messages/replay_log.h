#ifndef CERTPOOL_POOL_MESSAGES_REPLAY_LOG_H
#define CERTPOOL_POOL_MESSAGES_REPLAY_LOG_H

#include "common/crypto/signed_message.h"
#include "common/layout/layout.h"

/*
 * The jti of the messages that a receiver has taken, so that it takes none twice within the
 * freshness window, also after a restart. The file is state/seen:
 *
 *   IAT JTI\n        a message, appended before the message is passed on
 *   -IAT JTI\n       a message that could not be passed on and is forgotten again
 *   =FIRST LAST\n    messages with an iat of this span were taken, and their lines dropped
 *
 * Opening the log drops lines older than the window and a last line that a crash cut short; later
 * the file is rewritten when most of it is old. The times of dropped messages are kept, in a few
 * spans: if the clock goes back, also over restarts, a message of such a time counts as taken. Safe
 * for several threads.
 *
 * A process that is killed between a message's line and its being passed on has taken the message:
 * it is passed on at most once.
 *
 * Not done: there is no fsync for each message. After a power failure (not after a crash of the
 * process) the last messages before it can be taken again within the window.
 */
struct replay_log;

enum { REPLAY_LOG_MAX = 1000000 }; /* messages within one window */

/* Opens the log of the layout. One process at a time: the caller holds the lock state/serving. */
int open_replay_log(const struct layout *layout, int64_t now_s, struct replay_log **ret_log,
		    struct fault *fault) MUST_CHECK;
void free_replay_log(struct replay_log **log);

/*
 * Remembers the jti of a message; *ret_new is false if the log has it.
 * Errors: FAULT_BUSY over REPLAY_LOG_MAX.
 */
int remember_jti(struct replay_log *log, const char *jti, int64_t iat_s, int64_t now_s,
		 bool *ret_new, struct fault *fault) MUST_CHECK;

/* Undoes remember_jti: the message could not be passed on, and may come again. */
int forget_jti(struct replay_log *log, const char *jti, struct fault *fault) MUST_CHECK;

#endif
