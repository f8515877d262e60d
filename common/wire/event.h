#ifndef CERTPOOL_WIRE_EVENT_H
#define CERTPOOL_WIRE_EVENT_H

#include "common/base/bytes.h"
#include "common/crypto/digest.h"
#include "common/x509/certificate.h"

/* One line of the audit log, an event: a JSON object (RFC 8259) without line breaks. */

enum event_kind {
	EVENT_STARTED,   /* the CA began to serve */
	EVENT_STOPPED,   /* the CA was stopped, and did not crash */
	EVENT_CERTIFIED, /* by, client, serials */
	EVENT_REFUSED,   /* by, type, detail, count; member when it is one member */
	EVENT_REVOKED,   /* by, client, serials, type: the reason; no serials: the client itself */
	EVENT_POLICY,    /* by, client, detail: the change, and the policy after it */
	EVENT_CRL,       /* number; detail: what the clock did, if anything */
	EVENT_PRUNED,    /* serials */
	EVENT_BACKUP,    /* detail: the file */
	EVENT_RESTORED,  /* detail: the file */
	EVENT_EXPORTED,  /* number: the last line in the file; detail: the file */
	EVENT_TRIMMED,   /* number: the last line that goes; detail: its SHA-256 in hex */
	EVENT_KEY,       /* by, client, type: what became of their shared key; detail */
	EVENT_ROOT,      /* detail: what became of the CA's root (rotate_root.h) */
	EVENT_ISSUER,    /* number; detail: the subject of the certificate: it issues from now on */
	EVENT_FRONT_END, /* type: what became of a front end of the record; detail: its name */
	EVENT_CHECKPOINT, /* heads: the last line of every front end's log */
	EVENT_ACCOUNT,    /* by, client, type: what became of an ACME account; detail: its id */
	EVENT_COPIED,     /* detail: the database from which the record came */
	EVENT_KIND_COUNT,
};

/* The last line of one front end's log. */
struct chain_head {
	int64_t front_end;
	int64_t sequence;           /* 0: it has no line yet */
	uint8_t sha256[SHA256_LEN]; /* of the line; zeros when there is none */
};

enum { FIRST_FRONT_END = 1 };

enum { EVENT_TEXT_SERIALS = 3 };

/* "started", … */
const char *format_event_kind(enum event_kind kind);

/* Members that are NULL, empty or 0 are left out of the line, but for sequence. */
struct event {
	enum event_kind kind;
	int64_t sequence;  /* from 1 */
	int64_t front_end; /* whose log it is; left out for FIRST_FRONT_END */
	int64_t time_s;
	const char *by;     /* a client's name; CA_NAME for the CA and its operator */
	const char *client; /* the client that the event concerns */
	const char *member;
	const char *type;
	const char *detail;
	const uint8_t (*serials)[SERIAL_MAX];
	size_t serial_count;
	int64_t number;
	int64_t count; /* of refusals that the line stands for */
	const struct chain_head *heads;
	size_t head_count;
	uint8_t previous[SHA256_LEN]; /* SHA-256 of the line before, without its line end; zeros in
					 the first line */
};

/* Formats the line, without a line end. */
int format_event(const struct event *event, struct buffer *ret_line,
		 struct fault *fault) MUST_CHECK;

/* The members that chain the lines. */
struct event_link {
	int64_t sequence;
	int64_t front_end;
	bool checkpoint; /* parse_checkpoint has the rest */
	uint8_t previous[SHA256_LEN];
};

/* FAULT_MALFORMED when the line is not JSON or lacks one of them. */
int parse_event_link(struct bytes line, struct event_link *ret_link,
		     struct fault *fault) MUST_CHECK;

/* The heads of an EVENT_CHECKPOINT. FAULT_MALFORMED when the line is none. Owns: free. */
int parse_checkpoint(struct bytes line, struct chain_head **ret_heads, size_t *ret_count,
		     struct fault *fault) MUST_CHECK;

/* The time of a line. FAULT_MALFORMED when the line is not JSON or has none. */
int parse_event_time(struct bytes line, int64_t *ret_time_s, struct fault *fault) MUST_CHECK;

/*
 * A line for people: what they look for, without its digest. Texts are NULL when the line lacks
 * them. The kind may be one that this certpool does not know yet. Owns: clear_event_text.
 */
struct event_text {
	int64_t time_s;
	char *kind;
	char *by;
	char *client;
	char *member;
	char *type;
	char *detail;
	int64_t number;
	int64_t count;
	uint8_t serials[EVENT_TEXT_SERIALS][SERIAL_MAX]; /* the first of them */
	size_t serial_count;                             /* of all */
};

/* FAULT_MALFORMED when the line is not JSON, has no time or kind, or a serial not 40 hex digits. */
int parse_event_text(struct bytes line, struct event_text *ret_text,
		     struct fault *fault) MUST_CHECK;
void clear_event_text(struct event_text *text);

/* The kind of a line and its serials, 0 of them when it has none. Owns: clear_event_serials. */
struct event_serials {
	enum event_kind kind;
	uint8_t (*serials)[SERIAL_MAX];
	size_t count;
};

/* FAULT_MALFORMED when the line is not JSON, its kind unknown, or a serial not 40 hex digits. */
int parse_event_serials(struct bytes line, struct event_serials *ret_serials,
			struct fault *fault) MUST_CHECK;
void clear_event_serials(struct event_serials *serials);

/*
 * What a line of format_event counts for: its time and kind, and how many certificates or refusals
 * it is about. For sums over many lines: it looks for the members where format_event puts them,
 * and does not read the whole as JSON. False for a line that lacks time or kind.
 */
struct event_tally {
	int64_t time_s;
	enum event_kind kind;
	size_t count; /* EVENT_REFUSED: of refusals; else: of serials */
};

bool tally_event(struct bytes line, struct event_tally *ret_tally);

#endif
