/* How the members of a pool are used, as status prints it. */
#include "tools/pool/pool_use.h"

#include "common/base/clock.h"
#include "common/pool/members/pool_numbers.h"

#include <stdio.h>

static void format_when(int64_t time_s, char ret_text[static TIME_TEXT_SIZE])
{
	if (time_s == 0)
		(void)snprintf(ret_text, TIME_TEXT_SIZE, "-");
	else
		format_time(time_s, ret_text);
}

/* With once_only: when the pool is filled up, and how long it lasts at the rate since the first of
   its used members signed. */
static void print_fill_up(const struct client_node *client, const struct pool_state *state,
			  size_t unused, int64_t now_s, struct json_line *line)
{
	size_t used = count_marked(state, MEMBER_USED);
	int64_t next_s = next_fill_up_at(state);
	int64_t since_s = now_s - state->first_used_s;
	int64_t lasts_s = 0;
	char next[TIME_TEXT_SIZE];
	char lasts[TIME_TEXT_SIZE];

	if (used > 0 && state->first_used_s > 0 && since_s > 0 && since_s < CENTURY_S)
		lasts_s = now_s + since_s / (int64_t)used * (int64_t)unused;
	if (line != NULL) {
		add_json_number(line, "fill_up_at_unused",
				(long long)client->pool.reuse.topup_unused);
		add_json_time(line, "fill_up_retry", next_s);
		if (state->failures > 0)
			add_json_text(line, "fill_up_failure", state->failure);
		add_json_time(line, "lasts_until", lasts_s);
		return;
	}
	format_when(next_s, next);
	format_when(lasts_s, lasts);
	print_line("  filled up when %zu are unused; at the present rate it lasts until %s",
		   client->pool.reuse.topup_unused, lasts);
	if (state->failures > 0)
		print_line("  the last fill-up failed, the next is tried from %s on: %s", next,
			   state->failure);
}

void print_pool_use(const struct client_node *client, const struct pool_summary *summary,
		    const struct pool_state *state, int64_t now_s, struct json_line *line)
{
	bool once = client->pool.reuse.method == REUSE_ONCE_ONLY;
	const char *method = format_reuse(client->pool.reuse.method);
	size_t usable = summary->states[MEMBER_VALID];
	size_t in_use = count_in_use(state);
	size_t aside = count_marked(state, MEMBER_USED);
	size_t unused;

	if (client->pool.reuse.method == REUSE_RANDOM)
		return;
	unused = once ? usable : usable - (in_use < usable ? in_use : usable);
	if (line == NULL) {
		print_line("  reuse %s, in use %zu, unused %zu, set aside %zu, ending %zu", method,
			   in_use, unused, aside, summary->ending);
	} else {
		add_json_text(line, "reuse", method);
		add_json_number(line, "in_use", (long long)in_use);
		add_json_number(line, "unused", (long long)unused);
		add_json_number(line, "set_aside", (long long)aside);
		add_json_number(line, "ending", (long long)summary->ending);
	}
	if (once)
		print_fill_up(client, state, unused, now_s, line);
}

void print_windows(const struct client_node *client, int64_t now_s, struct json_line *line)
{
	const struct pool_windows *windows = &client->pool.windows;
	struct window present;
	struct window last;
	char begin[TIME_TEXT_SIZE];
	char end[TIME_TEXT_SIZE];
	char last_end[TIME_TEXT_SIZE];

	if (!has_windows(&client->pool))
		return;
	present = window_at(windows, now_s);
	last = window_at(windows, present.begin_s + (int64_t)windows->ahead * windows->every_s);
	if (line != NULL) {
		add_json_time(line, "window_begin", present.begin_s);
		add_json_time(line, "window_end", present.end_s);
		add_json_number(line, "window_members", (long long)windows->members);
		add_json_time(line, "windows_end", last.end_s);
		return;
	}
	format_time(present.begin_s, begin);
	format_time(present.end_s, end);
	format_time(last.end_s, last_end);
	print_line("  window from %s to %s, members %zu; the %zu ahead end at %s", begin, end,
		   windows->members, windows->ahead, last_end);
}
