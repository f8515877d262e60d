#ifndef CERTPOOL_LAYOUT_POOL_WINDOWS_H
#define CERTPOOL_LAYOUT_POOL_WINDOWS_H

#include "common/layout/field.h"

/*
 * Windows of time, for certificates that are valid in one of them alone (ETSI TR 103 415, IEEE
 * 1609.2.1). Window i lasts from i times every_s after 1970 until every_s and overlap_s later, for
 * all pools of a CA alike. A time is in the newest window that has begun.
 */
struct pool_windows {
	int64_t every_s;   /* from the beginning of one to that of the next; 0: there are none */
	int64_t overlap_s; /* less than every_s: how long one goes on beside the next */
	size_t ahead;      /* how many after the present one have certificates already */
	size_t members;    /* of a pool, in each window; 0 at the CA */
};

struct window {
	int64_t begin_s;
	int64_t end_s; /* the last second, as notAfter */
};

/* The window that a time is in. The time is not negative. */
struct window window_at(const struct pool_windows *windows, int64_t time_s);

/* Whether these are the beginning and the end of a window. */
bool is_window(const struct pool_windows *windows, const struct window *window);

/* Whether both have the same windows, with as many members in each. */
bool equal_windows(const struct pool_windows *a, const struct pool_windows *b);

/* Which numbers the members of each window have: those of window begin_s the first ones, from
   `first` on, and those of each window after it the next ones. */
struct window_numbers {
	int64_t begin_s;
	size_t first; /* 0: no window has members */
};

/* The first member of the window that begins then; 0: it has none. The others have the numbers
   after it. */
size_t first_of_window(const struct pool_windows *windows, const struct window_numbers *numbers,
		       int64_t begin_s);

/* The window of a member; all zero before `first`. */
struct window window_of_member(const struct pool_windows *windows,
			       const struct window_numbers *numbers, size_t member);

/* Setter of a table's row: of a struct pool_windows by a pool's mapping. */
field_setter set_windows;

/*
 * Refuses what does not go together. mapping is that of the keys every and overlap.
 * Errors: FAULT_USAGE with line and column.
 */
int check_windows(const struct yaml_node *mapping, const struct pool_windows *windows,
		  struct fault *fault) MUST_CHECK;

#endif
