#ifndef CERTPOOL_CA_OVERVIEW_RECENT_EVENTS_H
#define CERTPOOL_CA_OVERVIEW_RECENT_EVENTS_H

#include "common/ca/store/store.h"
#include "common/wire/event.h"

/* The last events of the audit log, by time, the newest first. Zero-initialised is empty. */
enum { RECENT_EVENTS = 20, LINES_LOOKED_AT = 1000 };

struct recent_events {
	struct event_text items[RECENT_EVENTS];
	size_t count;
};

void clear_recent_events(struct recent_events *events);

/* Puts the event, which it takes over, where it belongs, and lets the oldest go. */
void keep_recent_event(struct recent_events *events, struct event_text *event);

/*
 * Finds the events of a client, or those that name a certificate by its serial in hexadecimal,
 * among the last LINES_LOOKED_AT lines of each front end's log. ret_events must be empty.
 * Owns: clear_recent_events.
 */
int find_events_of_client(struct store *store, const char *client, struct recent_events *ret_events,
			  struct fault *fault) MUST_CHECK;
int find_events_of_serial(struct store *store, const char *serial, struct recent_events *ret_events,
			  struct fault *fault) MUST_CHECK;

#endif
