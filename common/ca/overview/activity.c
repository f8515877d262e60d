#include "common/ca/overview/activity.h"

#include "common/ca/shared/front_ends.h"
#include "common/ca/store/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MINUTE_S = 60,
	DAY_MINUTES = 24 * 60,
	SLOTS = (ACTIVITY_DAYS + 1) * DAY_MINUTES,
	CHAINS_MAX = 64,
};

/* One minute. A slot that has another minute's number counts for nothing. */
struct slot {
	int64_t minute;
	uint32_t issued;
	uint32_t revoked;
	uint32_t refused;
};

/* How far the log of a front end was read. */
struct chain {
	int64_t front_end;
	int64_t next; /* sequence of the first line that was not */
};

struct activity {
	int64_t begin_s; /* of the times that the first reading looked at; 0: none yet */
	int64_t now_s;   /* of the last reading */
	int64_t last_backup_s;
	struct chain chains[CHAINS_MAX];
	size_t chain_count;
	struct activity_type types[ACTIVITY_TYPES];
	size_t type_count;
	struct recent_events events;
	struct slot slots[SLOTS];
};

int new_activity(struct activity **ret_activity, struct fault *fault)
{
	struct activity *activity = calloc(1, sizeof(*activity));

	if (activity == NULL)
		return set_memory_fault(fault);
	*ret_activity = activity;
	return 0;
}

void free_activity(struct activity **pointer)
{
	struct activity *activity = TAKE(*pointer);

	if (activity == NULL)
		return;
	clear_recent_events(&activity->events);
	free(activity);
}

/* --- where to begin --- */

/* A line_function for one line. */
static int take_time(void *context, int64_t sequence, const char *line, struct fault *fault)
{
	struct event_tally *tally = context;

	(void)sequence;
	(void)fault;
	if (!tally_event(bytes_of_string(line), tally))
		*tally = (struct event_tally){0};
	return 1;
}

/* The first line that is not before the time, among those from `low` to before `high`: halves what
   is left, as lines are in the order of their times. */
static int find_line(struct store *store, int64_t front_end, int64_t high, int64_t from_s,
		     int64_t *ret_sequence, struct fault *fault)
{
	int64_t low = 1;

	while (low < high) {
		struct event_tally tally = {0};
		int64_t middle = low + (high - low) / 2;

		/* Of lines that were trimmed the next one that is there tells the time. */
		if (list_audit(store, front_end, middle, take_time, &tally, fault) < 0)
			return -1;
		if (tally.time_s < from_s)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_sequence = low;
	return 0;
}

/* --- the lines --- */

static void count_event(struct activity *activity, const struct event_tally *tally)
{
	struct slot *slot;
	int64_t minute = tally->time_s / MINUTE_S;

	if (minute < 0)
		return;
	slot = &activity->slots[minute % SLOTS];
	if (slot->minute > minute)
		return;
	if (slot->minute != minute)
		*slot = (struct slot){.minute = minute};
	if (tally->kind == EVENT_CERTIFIED)
		slot->issued += (uint32_t)tally->count;
	else if (tally->kind == EVENT_REVOKED)
		slot->revoked += (uint32_t)tally->count;
	else if (tally->kind == EVENT_REFUSED)
		slot->refused += (uint32_t)tally->count;
}

static void count_type(struct activity *activity, const char *type, size_t count)
{
	size_t i = 0;

	while (i < activity->type_count && strcmp(activity->types[i].type, type) != 0)
		i++;
	if (i == ACTIVITY_TYPES)
		return;
	if (i == activity->type_count)
		(void)snprintf(activity->types[activity->type_count++].type, ACTIVITY_TYPE_SIZE,
			       "%s", type);
	activity->types[i].count += count;
}

struct reading {
	struct activity *activity;
	struct chain *chain;
	int64_t last; /* sequence of the last line when the reading began */
};

/* A line_function. Only what may be shown is read as JSON. */
static int take_line(void *context, int64_t sequence, const char *line, struct fault *fault)
{
	struct reading *reading = context;
	CLEANUP(clear_event_text) struct event_text event = {0};
	struct event_tally tally;
	struct fault ignored = {0};

	(void)fault;
	reading->chain->next = sequence + 1;
	if (!tally_event(bytes_of_string(line), &tally))
		return 0;
	count_event(reading->activity, &tally);
	if (tally.kind == EVENT_BACKUP && tally.time_s > reading->activity->last_backup_s)
		reading->activity->last_backup_s = tally.time_s;
	if (tally.kind == EVENT_CHECKPOINT ||
	    (tally.kind != EVENT_REFUSED && sequence + RECENT_EVENTS <= reading->last))
		return 0;
	/* A line that is damaged is for `audit verify` to find. */
	if (parse_event_text(bytes_of_string(line), &event, &ignored) < 0)
		return 0;
	if (tally.kind == EVENT_REFUSED && event.type != NULL &&
	    tally.time_s >= reading->activity->begin_s)
		count_type(reading->activity, event.type, tally.count);
	keep_recent_event(&reading->activity->events, &event);
	return 0;
}

static struct chain *find_chain(struct activity *activity, int64_t front_end)
{
	for (size_t i = 0; i < activity->chain_count; i++)
		if (activity->chains[i].front_end == front_end)
			return &activity->chains[i];
	return NULL;
}

struct front_end_list {
	struct front_end items[CHAINS_MAX];
	size_t count;
};

/* A front_end_function. */
static int add_to_list(void *context, const struct front_end *front_end, struct fault *fault)
{
	struct front_end_list *list = context;

	(void)fault;
	if (list->count < CHAINS_MAX)
		list->items[list->count++] = *front_end;
	return 0;
}

static int read_chain(struct store *store, const struct front_end *front_end,
		      struct activity *activity, struct fault *fault)
{
	const int64_t from_s = activity->now_s - (int64_t)ACTIVITY_DAYS * DAY_MINUTES * MINUTE_S;
	struct chain *chain = find_chain(activity, front_end->number);
	struct chain found = {.front_end = front_end->number};
	struct reading reading = {.activity = activity, .last = front_end->lines};

	if (chain == NULL) {
		if (activity->chain_count == CHAINS_MAX)
			return 0;
		if (find_line(store, found.front_end, front_end->lines + 1, from_s, &found.next,
			      fault) < 0)
			return -1;
		/* The last events are shown however old they are. */
		if (found.next > front_end->lines + 1 - RECENT_EVENTS)
			found.next = front_end->lines + 1 - RECENT_EVENTS;
		if (found.next < 1)
			found.next = 1;
		chain = &activity->chains[activity->chain_count++];
		*chain = found;
	}
	if (chain->next > front_end->lines)
		return 0;
	reading.chain = chain;
	return list_audit(store, chain->front_end, chain->next, take_line, &reading, fault);
}

int read_activity(struct store *store, int64_t now_s, struct activity *activity,
		  struct fault *fault)
{
	struct front_end_list list = {0};

	activity->now_s = now_s;
	if (activity->begin_s == 0)
		activity->begin_s = now_s - (int64_t)ACTIVITY_DAYS * DAY_MINUTES * MINUTE_S;
	if (list_front_ends(store, add_to_list, &list, fault) < 0)
		return -1;
	for (size_t i = 0; i < list.count; i++)
		if (read_chain(store, &list.items[i], activity, fault) < 0)
			return -1;
	return 0;
}

/* --- sums --- */

struct activity_sum sum_activity_between(const struct activity *activity, int64_t from_s,
					 int64_t to_s)
{
	struct activity_sum sum = {0};

	for (int64_t minute = from_s > 0 ? from_s / MINUTE_S : 0; minute * MINUTE_S < to_s;
	     minute++) {
		const struct slot *slot = &activity->slots[minute % SLOTS];

		if (slot->minute != minute)
			continue;
		sum.issued += slot->issued;
		sum.revoked += slot->revoked;
		sum.refused += slot->refused;
	}
	return sum;
}

/* The present minute, which is not over, counts too. */
struct activity_sum sum_activity(const struct activity *activity, int64_t span_s)
{
	return sum_activity_between(activity, activity->now_s - span_s + MINUTE_S,
				    activity->now_s + 1);
}

int64_t activity_begin(const struct activity *activity)
{
	return activity->begin_s;
}

int64_t last_backup(const struct activity *activity)
{
	return activity->last_backup_s;
}

static int order_types(const void *a, const void *b)
{
	const struct activity_type *x = a;
	const struct activity_type *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return strcmp(x->type, y->type);
}

size_t list_activity_types(const struct activity *activity,
			   struct activity_type ret_types[static ACTIVITY_TYPES])
{
	memcpy(ret_types, activity->types, activity->type_count * sizeof(*ret_types));
	qsort(ret_types, activity->type_count, sizeof(*ret_types), order_types);
	return activity->type_count;
}

const struct recent_events *activity_events(const struct activity *activity)
{
	return &activity->events;
}
