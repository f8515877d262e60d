#ifndef CERTPOOL_WIRE_EVENT_H
#define CERTPOOL_WIRE_EVENT_H

#include "common/base/bytes.h"
#include "common/crypto/digest.h"
#include "common/x509/certificate.h"

/* One line of the audit log: a JSON object (RFC 8259) without line breaks. */

enum event_kind {
	EVENT_STARTED,   /* the CA serves */
	EVENT_STOPPED,   /* in order */
	EVENT_CERTIFIED, /* by, client, serials */
	EVENT_REFUSED,   /* by, type and detail: a request, or a member of one */
	EVENT_REVOKED,   /* by, client, serials, type: the reason; no serials: the client itself */
	EVENT_POLICY,    /* by, client, detail: what was added or changed, and how it is now */
	EVENT_CRL,       /* number */
	EVENT_PRUNED,    /* serials */
	EVENT_BACKUP,    /* detail: the file */
	EVENT_RESTORED,  /* detail: the file */
	EVENT_KIND_COUNT,
};

/* "started", … */
const char *format_event_kind(enum event_kind kind);

/* Members that are NULL, empty or 0 are left out of the line. */
struct event {
	enum event_kind kind;
	int64_t sequence; /* from 1 */
	int64_t time_s;
	const char *by;     /* a client's name; CA_NAME for the CA and its operator */
	const char *client; /* whom it concerns */
	const char *member;
	const char *type;
	const char *detail;
	const uint8_t (*serials)[SERIAL_MAX];
	size_t serial_count;
	int64_t number;
	uint8_t previous[SHA256_LEN]; /* of the line before, without its line end; zeros: the first
				       */
};

int format_event(const struct event *event, struct buffer *ret_line,
		 struct fault *fault) MUST_CHECK;

/* What verifying needs of a line. FAULT_MALFORMED for what is not such a line. */
struct event_link {
	int64_t sequence;
	uint8_t previous[SHA256_LEN];
};

int parse_event_link(struct bytes line, struct event_link *ret_link,
		     struct fault *fault) MUST_CHECK;

/* What a line says of certificates: its kind, and the serials, if any. Owns: clear_event_serials.
 */
struct event_serials {
	enum event_kind kind;
	uint8_t (*serials)[SERIAL_MAX];
	size_t count;
};

int parse_event_serials(struct bytes line, struct event_serials *ret_serials,
			struct fault *fault) MUST_CHECK;
void clear_event_serials(struct event_serials *serials);

#endif
