#ifndef CERTPOOL_CA_STORE_AUDIT_H
#define CERTPOOL_CA_STORE_AUDIT_H

#include "common/base/verdict.h"
#include "common/ca/store/store.h"
#include "common/wire/event.h"

/*
 * The audit log: one line of JSON for each event (common/wire/event.h), in the order of the events,
 * each line with the SHA-256 of the line before. It is part of the record, so that a change and its
 * line become durable together or not at all. Lines are appended and never changed. The first of
 * them may be exported to a file and then trimmed (trim_audit.h): the record keeps the number and
 * the digest of the last line that went, from which the chain of the others goes on.
 *
 * Each front end of the record (common/ca/shared/front_ends.h) has a chain of its own, with lines
 * from 1; a process appends to that of its front end. One of them writes a checkpoint now and then:
 * a line that has the last line of every chain, so that no chain can be written anew alone.
 */
struct transaction;
struct rows;

enum { EVENT_SERIALS_MAX = 1000 }; /* in one line; an event with more of them makes several lines */

/* Appends the event's lines, in a WRITE transaction. Fills sequence and previous itself. */
int append_event(struct transaction *transaction, const struct event *event,
		 struct fault *fault) MUST_CHECK;

/* The same in a transaction of its own. */
int record_event(struct store *store, const struct event *event, struct fault *fault) MUST_CHECK;

/*
 * The chains as they are: this front end's last line, to which lines are appended, and a digest of
 * the last lines of all others. Every change of certificates appends a line to one of them.
 * query_chains begins the query, so that others may go with it; read_chains closes the rows.
 */
struct chain_state {
	struct chain_head own;
	uint8_t others_sha256[SHA256_LEN];
};

int query_chains(struct transaction *transaction, struct rows *rows,
		 struct fault *fault) MUST_CHECK;
int read_chains(struct rows *rows, struct chain_state *ret_state, struct fault *fault) MUST_CHECK;

/* Whether no line was appended between the two. */
bool same_chains(const struct chain_state *a, const struct chain_state *b);

/* Appends the lines of several events as one batch, at least one, after *head, which goes on to the
   last of them. */
int append_events(struct transaction *transaction, const struct event *events, size_t count,
		  struct chain_head *head, struct fault *fault) MUST_CHECK;

/* Called for one line, without its line end. A result other than 0 ends the listing: 1 as a
   success, -1 as a failure. */
typedef int line_function(void *context, int64_t sequence, const char *line, struct fault *fault);

/* Lists the lines of a front end from a sequence number on (1: all there are), as of one moment. */
int list_audit(struct store *store, int64_t front_end, int64_t first, line_function *function,
	       void *context, struct fault *fault) MUST_CHECK;

/*
 * Appends a checkpoint, in a WRITE transaction, unless there is one chain alone, or none but this
 * process's own has grown since its last checkpoint.
 */
int append_checkpoint(struct transaction *transaction, int64_t now_s,
		      struct fault *fault) MUST_CHECK;

struct audit_verdict {
	int64_t front_end;        /* whose chain it is; of verify_audit: this process's own */
	int64_t lines;            /* up to the first wrong one, with those that were trimmed */
	int64_t trimmed;          /* of them: they are not in the record any more */
	uint8_t head[SHA256_LEN]; /* SHA-256 of the last of these; zeros when there is none */
	struct verdict verdict;   /* the first line that is wrong, and how */
	size_t chains;            /* verify_audit: of all front ends, with these figures: */
	int64_t all_lines;
	int64_t checkpoints;
};

/*
 * Verifies that no line was changed, moved, added or removed: in the chain of each front end, lines
 * are numbered without a gap from 1, or from the one after the last that was trimmed, each has the
 * digest of the line before, and the last one is the one that the record names as the last. Every
 * line that a checkpoint names has the digest that it had then.
 */
int verify_audit(struct store *store, struct audit_verdict *ret_verdict,
		 struct fault *fault) MUST_CHECK;

/* The same in a transaction, with what that has changed so far. */
int verify_audit_within(struct transaction *transaction, struct audit_verdict *ret_verdict,
			struct fault *fault) MUST_CHECK;

/*
 * Verifies a copy of one front end's log or of a part of it, with line ends, or exported parts that
 * follow each other: its lines must be those of the record. Lines that were trimmed from the record
 * are verified by the digest that the record kept of the last of them, which must be in the copy,
 * too.
 */
int verify_audit_copy(struct store *store, struct bytes copy, struct audit_verdict *ret_verdict,
		      struct fault *fault) MUST_CHECK;

/* Inside a transaction, for store/: */

/*
 * A line's id in the table: front end and sequence as one number, under which a chain is a range,
 * and a new line of SQLite's only front end is the last row. (A key of two columns would be a
 * second tree, or one whose pages are split in half as it grows.) INT64_MAX, which is no line's,
 * for a front end or a sequence number that no line has.
 */
#define SEQUENCE_MAX ((INT64_C(1) << 40) - 1)

int64_t line_id(int64_t front_end, int64_t sequence);

int select_lines(struct transaction *transaction, int64_t front_end, int64_t first,
		 struct rows *rows, struct fault *fault) MUST_CHECK;

/* *ret_line, borrowed from the row of select_lines, is NULL after the last line. */
int read_line(struct rows *rows, int64_t *ret_sequence, const char **ret_line,
	      struct fault *fault) MUST_CHECK;

/*
 * Whether the lines are what checkpoints say of them. heads has each line that one of them names,
 * as a struct chain_head, and is put in order; trimmed has the last line that was trimmed of each
 * chain, in the same form. Reads each chain once: there is a checkpoint a minute, for years.
 */
int verify_heads(struct transaction *transaction, struct bytes trimmed, struct buffer *heads,
		 struct verdict *verdict, struct fault *fault) MUST_CHECK;

#endif
