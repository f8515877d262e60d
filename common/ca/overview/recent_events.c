#include "common/ca/overview/recent_events.h"

#include "common/ca/shared/front_ends.h"
#include "common/ca/store/audit.h"

#include <stdio.h>
#include <string.h>

void clear_recent_events(struct recent_events *events)
{
	for (size_t i = 0; i < events->count; i++)
		clear_event_text(&events->items[i]);
	events->count = 0;
}

void keep_recent_event(struct recent_events *events, struct event_text *event)
{
	size_t place = events->count;

	while (place > 0 && events->items[place - 1].time_s <= event->time_s)
		place--;
	if (place == RECENT_EVENTS)
		return;
	if (events->count == RECENT_EVENTS)
		clear_event_text(&events->items[--events->count]);
	memmove(&events->items[place + 1], &events->items[place],
		(events->count - place) * sizeof(*event));
	MOVE(&events->items[place], *event);
	events->count++;
}

/* What a line must have in it, one of these. */
enum { MARK_SIZE = NAME_SIZE + 16 };

struct event_search {
	struct store *store;
	char marks[2][MARK_SIZE];
	struct recent_events events;
};

static void clear_event_search(struct event_search *search)
{
	clear_recent_events(&search->events);
}

/* A line_function. A line that cannot be read is for `audit verify` to find. */
static int match_line(void *context, int64_t sequence, const char *line, struct fault *fault)
{
	struct event_search *search = context;
	CLEANUP(clear_event_text) struct event_text event = {0};
	struct fault ignored = {0};

	(void)sequence;
	(void)fault;
	if ((strstr(line, search->marks[0]) != NULL || strstr(line, search->marks[1]) != NULL) &&
	    parse_event_text(bytes_of_string(line), &event, &ignored) == 0)
		keep_recent_event(&search->events, &event);
	return 0;
}

/* A front_end_function. */
static int search_log(void *context, const struct front_end *front_end, struct fault *fault)
{
	struct event_search *search = context;
	int64_t first = front_end->lines - LINES_LOOKED_AT + 1;

	return list_audit(search->store, front_end->number, first > 1 ? first : 1, match_line,
			  search, fault);
}

static int find_events(struct event_search *search, struct recent_events *ret_events,
		       struct fault *fault)
{
	if (list_front_ends(search->store, search_log, search, fault) < 0)
		return -1;
	MOVE(ret_events, search->events);
	return 0;
}

int find_events_of_client(struct store *store, const char *client, struct recent_events *ret_events,
			  struct fault *fault)
{
	CLEANUP(clear_event_search) struct event_search search = {.store = store};

	(void)snprintf(search.marks[0], MARK_SIZE, "\"client\":\"%s\"", client);
	(void)snprintf(search.marks[1], MARK_SIZE, "\"by\":\"%s\"", client);
	return find_events(&search, ret_events, fault);
}

int find_events_of_serial(struct store *store, const char *serial, struct recent_events *ret_events,
			  struct fault *fault)
{
	CLEANUP(clear_event_search) struct event_search search = {.store = store};

	(void)snprintf(search.marks[0], MARK_SIZE, "\"%s\"", serial);
	(void)snprintf(search.marks[1], MARK_SIZE, "\"%s\"", serial);
	return find_events(&search, ret_events, fault);
}
