/* How the members of a pool are used, as status prints it. */
#include "tools/pool/pool_use.h"

#include "common/base/clock.h"
#include "common/pool/members/pool_numbers.h"

#include <stdio.h>

enum { WHEN_SIZE = 192 };

static void format_when(int64_t time_s, char ret_text[static TIME_TEXT_SIZE])
{
	if (time_s == 0)
		(void)snprintf(ret_text, TIME_TEXT_SIZE, "-");
	else
		format_time(time_s, ret_text);
}

/* In per cent, rounded down. */
static size_t lifetime_left(const struct pool_reuse *reuse)
{
	return reuse->lifetime_left_percent != 0 ? reuse->lifetime_left_percent : 100 / 3;
}

/* What `certpool status` says of a pool's use. */
struct pool_use {
	size_t in_use;
	size_t unused;
	size_t set_aside;
	int64_t next_s;  /* when the pool is expected to be filled up next; 0: not known */
	int64_t retry_s; /* not before, after failures; 0: at any time */
	int64_t lasts_until_s;
};

/* When so many more members are used up, at the rate since the first of the used ones signed; 0:
   none is used up, or no rate is known. */
static int64_t used_up_at(const struct pool_state *state, size_t used, size_t more, int64_t now_s)
{
	int64_t since_s = now_s - state->first_used_s;

	if (used == 0 || state->first_used_s == 0 || since_s <= 0 || since_s > CENTURY_S)
		return 0;
	return now_s + since_s * (int64_t)more / (int64_t)used;
}

static int64_t earlier(int64_t a_s, int64_t b_s)
{
	if (a_s == 0 || b_s == 0)
		return a_s + b_s;
	return a_s < b_s ? a_s : b_s;
}

/* When keep has something to make next: at once for members that cannot sign. */
static int64_t next_due(const struct client_node *client, const struct pool_summary *summary,
			const struct pool_state *state, const struct pool_use *use, int64_t now_s)
{
	const struct pool_settings *pool = &client->pool;
	size_t early = summary->states[MEMBER_EARLY];

	if (summary->states[MEMBER_VALID] + early < summary->size)
		return now_s;
	if (has_windows(pool))
		return window_at(&pool->windows, now_s).begin_s + pool->windows.every_s;
	if (pool->reuse.method != REUSE_ONCE_ONLY)
		return summary->first_due_s;
	if (use->unused <= pool->reuse.topup_unused)
		return now_s;
	return earlier(
		summary->first_due_s,
		used_up_at(state, use->set_aside, use->unused - pool->reuse.topup_unused, now_s));
}

static struct pool_use find_pool_use(const struct client_node *client,
				     const struct pool_summary *summary,
				     const struct pool_state *state, int64_t now_s)
{
	enum reuse method = client->pool.reuse.method;
	size_t usable = summary->states[MEMBER_VALID];
	size_t in_use = draws_each_message(&client->pool.reuse) ? 0 : count_in_use(state);
	struct pool_use use = {.in_use = in_use,
			       .unused = usable,
			       .set_aside = count_marked(state, MEMBER_USED),
			       .retry_s = next_fill_up_at(state),
			       .lasts_until_s = summary->last_end_s};

	if (method == REUSE_ONCE_ONLY)
		use.lasts_until_s = earlier(summary->last_end_s,
					    used_up_at(state, use.set_aside, usable, now_s));
	else
		use.unused = usable - (in_use < usable ? in_use : usable);
	use.next_s = next_due(client, summary, state, &use, now_s);
	if (use.next_s != 0 && use.next_s < now_s)
		use.next_s = now_s;
	if (use.next_s < use.retry_s)
		use.next_s = use.retry_s;
	return use;
}

static void print_fill_up(const struct client_node *client, const struct pool_state *state,
			  const struct pool_use *use)
{
	const struct pool_reuse *reuse = &client->pool.reuse;
	char next[TIME_TEXT_SIZE];
	char retry[TIME_TEXT_SIZE];
	char lasts[TIME_TEXT_SIZE];
	char when[WHEN_SIZE];

	format_when(use->next_s, next);
	format_when(use->retry_s, retry);
	format_when(use->lasts_until_s, lasts);
	if (has_windows(&client->pool))
		(void)snprintf(when, sizeof(when), "a window begins");
	else if (reuse->method == REUSE_ONCE_ONLY)
		(void)snprintf(
			when, sizeof(when), "%s unused, or %zu %% of a certificate's life is left",
			counted(reuse->topup_unused, "is", "are").text, lifetime_left(reuse));
	else
		(void)snprintf(when, sizeof(when), "%zu %% of a certificate's life is left",
			       lifetime_left(reuse));
	print_line("  filled up when %s, next at %s; at the present rate it lasts until %s", when,
		   next, lasts);
	if (state->failures > 0)
		print_line("  the last fill-up failed, the next is tried %s%s: %s",
			   use->retry_s != 0 ? "not before " : "at any time",
			   use->retry_s != 0 ? retry : "", state->failure);
}

static void add_fill_up(const struct client_node *client, const struct pool_state *state,
			const struct pool_use *use, struct json_line *line)
{
	const struct pool_reuse *reuse = &client->pool.reuse;

	if (reuse->method == REUSE_ONCE_ONLY)
		add_json_number(line, "fill_up_at_unused", (long long)reuse->topup_unused);
	if (!has_windows(&client->pool))
		add_json_number(line, "fill_up_at_lifetime_left", (long long)lifetime_left(reuse));
	add_json_time(line, "next_fill_up", use->next_s);
	add_json_time(line, "fill_up_retry", use->retry_s);
	if (state->failures > 0)
		add_json_text(line, "fill_up_failure", state->failure);
	add_json_time(line, "lasts_until", use->lasts_until_s);
}

void print_pool_use(const struct client_node *client, const struct pool_summary *summary,
		    const struct pool_state *state, int64_t now_s, struct json_line *line)
{
	const char *method = format_reuse(client->pool.reuse.method);
	const struct pool_use use = find_pool_use(client, summary, state, now_s);

	if (line == NULL) {
		print_line("  reuse %s, in use %zu, unused %zu, set aside %zu, ending %zu", method,
			   use.in_use, use.unused, use.set_aside, summary->ending);
		print_fill_up(client, state, &use);
		return;
	}
	add_json_text(line, "reuse", method);
	add_json_number(line, "in_use", (long long)use.in_use);
	add_json_number(line, "unused", (long long)use.unused);
	add_json_number(line, "set_aside", (long long)use.set_aside);
	add_json_number(line, "ending", (long long)summary->ending);
	add_fill_up(client, state, &use, line);
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
