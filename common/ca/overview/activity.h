#ifndef CERTPOOL_CA_OVERVIEW_ACTIVITY_H
#define CERTPOOL_CA_OVERVIEW_ACTIVITY_H

#include "common/ca/overview/recent_events.h"

/*
 * What the CA did lately, by its audit log: certificates that were issued and revoked, and
 * refusals, by the minute for ACTIVITY_DAYS; and the last lines as events. Kept between two
 * readings, it reads only the lines that came in between. The log of each front end counts.
 */
enum { ACTIVITY_DAYS = 30, ACTIVITY_TYPES = 24, ACTIVITY_TYPE_SIZE = 32 };

struct activity;

/* Owns: free_activity. */
int new_activity(struct activity **ret_activity, struct fault *fault) MUST_CHECK;
void free_activity(struct activity **activity);

/* Reads the lines since the last call; at first those of the last ACTIVITY_DAYS. */
int read_activity(struct store *store, int64_t now_s, struct activity *activity,
		  struct fault *fault) MUST_CHECK;

struct activity_sum {
	size_t issued;
	size_t revoked;
	size_t refused;
};

/* Over the last `span_s`, in whole minutes, up to the last reading. */
struct activity_sum sum_activity(const struct activity *activity, int64_t span_s);

/* The same from one time to another, for a chart. */
struct activity_sum sum_activity_between(const struct activity *activity, int64_t from_s,
					 int64_t to_s);

/* ACTIVITY_DAYS before the first reading. */
int64_t activity_begin(const struct activity *activity);

/* When the last backup was made, if the log says so since activity_begin; else 0. */
int64_t last_backup(const struct activity *activity);

/* Refusals by their type since activity_begin, the most frequent first. */
struct activity_type {
	char type[ACTIVITY_TYPE_SIZE];
	size_t count;
};
size_t list_activity_types(const struct activity *activity,
			   struct activity_type ret_types[static ACTIVITY_TYPES]);

/* The last events, however old; borrowed. */
const struct recent_events *activity_events(const struct activity *activity);

#endif
