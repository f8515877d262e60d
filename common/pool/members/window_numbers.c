#include "common/pool/members/window_numbers.h"

#include "common/base/clock.h"
#include "common/pool/members/set_aside.h"

int set_files_aside(const struct layout *layout, struct pool_state *state, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer members = {0};
	const size_t *indices;

	if (list_surplus_members(layout, 0, &members, fault) < 0)
		return -1;
	indices = (void *)members.data;
	for (size_t i = 0; i < members.len / sizeof(*indices); i++) {
		if (extend_numbers(state, indices[i], fault) < 0)
			return -1;
		if (state->marks[indices[i] - 1] == MEMBER_UNUSED)
			state->marks[indices[i] - 1] = MEMBER_USED;
	}
	return 0;
}

/* Sets the members from `first` to before `end` aside. */
static bool set_numbers_aside(struct pool_state *state, size_t first, size_t end)
{
	bool changed = false;

	for (size_t i = first; i < end && i <= state->last; i++) {
		changed |= state->marks[i - 1] == MEMBER_UNUSED;
		if (state->marks[i - 1] == MEMBER_UNUSED)
			state->marks[i - 1] = MEMBER_USED;
	}
	return changed;
}

/* What is not destroyed of what a clock that was ahead has set aside, from `first` on, and of the
   numbers after `last` that it has given. */
static bool take_numbers_back(struct pool_state *state, size_t first, size_t last)
{
	bool changed = false;

	for (; state->last > last && state->marks[state->last - 1] != MEMBER_RETIRED;
	     changed = true)
		state->last--;
	for (size_t i = first; i <= state->last; i++) {
		changed |= state->marks[i - 1] == MEMBER_USED;
		if (state->marks[i - 1] == MEMBER_USED)
			state->marks[i - 1] = MEMBER_UNUSED;
	}
	return changed;
}

/* Whether the keys of all windows that are not over were destroyed, by a clock that was ahead. */
static bool is_destroyed(const struct pool_state *state, size_t first)
{
	return state->last >= first && state->marks[state->last - 1] == MEMBER_RETIRED;
}

/* A pool outlives a clock that is behind, as one that starts in 1970. */
static int refuse_clock(const struct layout *layout, int64_t now_s, int64_t begin_s,
			struct fault *fault)
{
	char now[TIME_TEXT_SIZE];
	char begin[TIME_TEXT_SIZE];

	format_time(now_s, now);
	format_time(begin_s, begin);
	return set_fault(fault, FAULT_REFUSED,
			 "%s/state/pool: expected a time from the pool's first window on, which "
			 "begins at %s; the clock shows %s: set the clock or, if it was ahead when "
			 "the pool was made, make the client a new pool in another layout",
			 layout->path, begin, now);
}

/* The first window with members is the present one; what there was has none. */
static int restart_windows(const struct layout *layout, const struct pool_windows *windows,
			   int64_t begin_s, struct pool_state *state, struct fault *fault)
{
	if (set_files_aside(layout, state, fault) < 0)
		return -1;
	(void)set_numbers_aside(state, 1, state->last + 1);
	state->windows = *windows;
	state->windows.ahead = 0;
	state->window_numbers = (struct window_numbers){begin_s, state->last + 1};
	return 0;
}

/* The beginning of the first window that is not over: the present one, or the one before. */
static int64_t first_lasting(const struct pool_windows *windows, int64_t now_s)
{
	struct window present = window_at(windows, now_s);

	return present.begin_s + windows->overlap_s >= now_s && present.begin_s >= windows->every_s
		       ? present.begin_s - windows->every_s
		       : present.begin_s;
}

int begin_windows(const struct layout *layout, const struct client_node *client, int64_t now_s,
		  struct pool_state *state, bool *ret_changed, struct fault *fault)
{
	const struct pool_windows *windows = &client->pool.windows;
	const struct window_numbers *numbers = &state->window_numbers;
	const int64_t begin_s = window_at(windows, now_s).begin_s;
	const size_t count = windows->members * (windows->ahead + 1);
	bool restart = numbers->first == 0 || !equal_windows(windows, &state->windows);
	bool changed = restart;
	size_t first = first_of_window(windows, numbers, begin_s);
	size_t given;
	size_t lasting;

	if (!restart && first == 0)
		return refuse_clock(layout, now_s, numbers->begin_s, fault);
	if (!restart) {
		changed = take_numbers_back(state, first, first + count - 1);
		restart = is_destroyed(state, first);
	}
	if (restart && restart_windows(layout, windows, begin_s, state, fault) < 0)
		return -1;
	first = first_of_window(windows, numbers, begin_s);
	given = state->last;
	changed |= state->last < first + count - 1;
	if (extend_numbers(state, first + count - 1, fault) < 0)
		return -1;
	lasting = first_of_window(windows, numbers, first_lasting(windows, now_s));
	changed |= set_numbers_aside(state, numbers->first, lasting);
	/* No member is made for the window before any more. */
	(void)set_numbers_aside(state, given + 1, first);
	*ret_changed = changed;
	return 0;
}
