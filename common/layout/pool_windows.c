#include "common/layout/pool_windows.h"

#include "common/base/clock.h"

#include <stddef.h>

enum { EVERY_MIN_S = 60, AHEAD_MAX = 1000, MEMBERS_MAX = 1000000 };

struct window window_at(const struct pool_windows *windows, int64_t time_s)
{
	int64_t begin_s = time_s / windows->every_s * windows->every_s;

	return (struct window){begin_s, begin_s + windows->every_s + windows->overlap_s};
}

bool is_window(const struct pool_windows *windows, const struct window *window)
{
	return windows->every_s > 0 && window->begin_s % windows->every_s == 0 &&
	       window->end_s - window->begin_s == windows->every_s + windows->overlap_s;
}

bool equal_windows(const struct pool_windows *a, const struct pool_windows *b)
{
	return a->every_s == b->every_s && a->overlap_s == b->overlap_s && a->members == b->members;
}

size_t first_of_window(const struct pool_windows *windows, const struct window_numbers *numbers,
		       int64_t begin_s)
{
	if (numbers->first == 0 || begin_s < numbers->begin_s)
		return 0;
	return numbers->first +
	       (size_t)((begin_s - numbers->begin_s) / windows->every_s) * windows->members;
}

struct window window_of_member(const struct pool_windows *windows,
			       const struct window_numbers *numbers, size_t member)
{
	size_t index;

	if (member < numbers->first)
		return (struct window){0};
	index = (member - numbers->first) / windows->members;
	return window_at(windows, numbers->begin_s + (int64_t)index * windows->every_s);
}

/* Both have to be given; CENTURY_S is for every manifest's longest time. */
static const struct field windows_fields[] = {
	{.name = "every",
	 .set = set_duration,
	 .offset = offsetof(struct pool_windows, every_s),
	 .required = true,
	 .low = EVERY_MIN_S,
	 .high = CENTURY_S / 2},
	{.name = "overlap",
	 .set = set_duration,
	 .offset = offsetof(struct pool_windows, overlap_s),
	 .low = 1,
	 .high = CENTURY_S / 2},
	{.name = "ahead",
	 .set = set_number,
	 .offset = offsetof(struct pool_windows, ahead),
	 .fallback = "3",
	 .high = AHEAD_MAX},
	{.name = "members",
	 .set = set_number,
	 .offset = offsetof(struct pool_windows, members),
	 .required = true,
	 .low = 1,
	 .high = MEMBERS_MAX},
	{0},
};

int check_windows(const struct yaml_node *mapping, const struct pool_windows *windows,
		  struct fault *fault)
{
	const struct yaml_node *overlap = find_entry(mapping, "overlap");

	if (windows->overlap_s >= windows->every_s)
		return set_value_fault(overlap, fault,
				       "expected less than every: %s, found %s: a window ends "
				       "before the next but one begins",
				       find_entry(mapping, "every")->text, overlap->text);
	return 0;
}

int set_windows(const struct yaml_node *value, const struct field *field, void *object,
		struct fault *fault)
{
	struct pool_windows *windows = (void *)((char *)object + field->offset);
	const struct yaml_node *members;

	if (read_fields(value, windows_fields, windows, fault) < 0 ||
	    check_windows(value, windows, fault) < 0)
		return -1;
	members = find_entry(value, "members");
	if (windows->members <= MEMBERS_MAX / (windows->ahead + 1))
		return 0;
	return set_value_fault(members, fault,
			       "expected at most %zu, so that a pool of %zu windows has at most %d "
			       "members, found %s",
			       MEMBERS_MAX / (windows->ahead + 1), windows->ahead + 1, MEMBERS_MAX,
			       members->text);
}
