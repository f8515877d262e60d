#ifndef CERTPOOL_CA_STORE_AUDIT_H
#define CERTPOOL_CA_STORE_AUDIT_H

#include "common/base/verdict.h"
#include "common/ca/store/store.h"
#include "common/wire/claims.h"
#include "common/wire/event.h"

/*
 * The audit log: one line of JSON for each event (common/wire/event.h), in the order in which they
 * happened, each with the SHA-256 of the line before. It is part of the record, so that an event
 * and its line are durable together or not at all. Lines are added and never changed.
 */
struct session;

enum { EVENT_SERIALS_MAX = 1000 }; /* serials in one line; more make several lines */

/* Adds the event's lines, inside a transaction. sequence and previous are filled here. */
int append_event(struct session *session, const struct event *event,
		 struct fault *fault) MUST_CHECK;

/* The same in a transaction of its own. */
int record_event(struct store *store, const struct event *event, struct fault *fault) MUST_CHECK;

/*
 * The event of a refusal that a client was given: of a whole request (member NULL), or of one of
 * its members. The strings stay the caller's: they must outlive the event.
 */
struct event refusal_event(const char *client, const char *member, const struct refusal *refusal,
			   int64_t now_s);

/* Records that event in a transaction of its own. */
int record_refusal(struct store *store, const char *client, const char *member,
		   const struct refusal *refusal, int64_t now_s, struct fault *fault) MUST_CHECK;

/* Told of one line, without its line end. */
typedef int line_function(void *context, int64_t sequence, const char *line, struct fault *fault);

/* The lines from a sequence number on (1: all), as of one moment. */
int list_audit(struct store *store, int64_t first, line_function *function, void *context,
	       struct fault *fault) MUST_CHECK;

struct audit_verdict {
	int64_t lines;            /* that were looked at */
	uint8_t head[SHA256_LEN]; /* SHA-256 of the last one; zeros when there is none */
	struct verdict verdict;   /* the first line that is wrong, and how */
};

/*
 * Whether every line is what it was and where it was: numbered without a gap from 1, each with the
 * digest of the one before, the last one the one that the record knows as last.
 */
int verify_audit(struct store *store, struct audit_verdict *ret_verdict,
		 struct fault *fault) MUST_CHECK;

/* The same for a copy, lines with line ends, that may have been made at any time: it must begin the
   log that the record has. */
int verify_audit_copy(struct store *store, struct bytes copy, struct audit_verdict *ret_verdict,
		      struct fault *fault) MUST_CHECK;

#endif
