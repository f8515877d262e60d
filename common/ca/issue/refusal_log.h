#ifndef CERTPOOL_CA_ISSUE_REFUSAL_LOG_H
#define CERTPOOL_CA_ISSUE_REFUSAL_LOG_H

#include "common/ca/store/store.h"
#include "common/wire/certificates.h"

/*
 * What clients are refused, on its way into the audit log: at most one line a client in
 * REFUSAL_PAUSE_S, with the number of refusals since the line before. The first refusal is durable
 * on return. Later ones are counted, and are in the next line: that of the next refusal after the
 * pause, or that of flush_refusals. Only refusals of authenticated and fresh requests belong here.
 *
 * Not done: a count that has no line yet is lost when the process is killed.
 * Safe for several threads.
 */
struct refusal_log;

enum {
	REFUSAL_PAUSE_S = 60,
	REFUSALS_SHOWN = 5, /* of one batch, in the line's detail */
};

/* The store must outlive it. */
int new_refusal_log(struct store *store, struct refusal_log **ret_log,
		    struct fault *fault) MUST_CHECK;
/* What has no line yet is lost: see flush_refusals. */
void free_refusal_log(struct refusal_log **log);

/* Records that a whole request was refused. */
int record_refusal(struct refusal_log *log, const char *client, const struct refusal *refusal,
		   int64_t now_s, struct fault *fault) MUST_CHECK;

/* Records what the answer refuses: the whole request, or members of it; nothing if it refuses
   nothing. */
int record_answer_refusals(struct refusal_log *log, const char *client,
			   const struct certificates_answer *answer, int64_t now_s,
			   struct fault *fault) MUST_CHECK;

/* Writes a line for each client whose pause is over and which has refusals without a line; `all`:
   whether or not it is over. */
int flush_refusals(struct refusal_log *log, bool all, int64_t now_s,
		   struct fault *fault) MUST_CHECK;

#endif
