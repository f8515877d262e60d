#include "common/pool/members/pool_numbers.h"

#include "common/base/clock.h"
#include "common/pool/members/member.h"
#include "common/pool/members/set_aside.h"
#include "common/pool/members/window_numbers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Less than a minute and than an hour: a timer of that period starts a moment early now and then,
   and a run that fails ends some time after its start. */
enum { FIRST_DELAY_S = 45, LAST_DELAY_S = 45 * 60 };

static int set_numbers(const struct pool_state *state, struct pool_settings *pool,
		       struct fault *fault)
{
	uint8_t *marks = NULL;

	if (state->last > 0) {
		marks = malloc(state->last);
		if (marks == NULL)
			return set_memory_fault(fault);
		memcpy(marks, state->marks, state->last);
	}
	free(pool->marks);
	pool->marks = marks;
	pool->last = state->last;
	pool->window_numbers = state->window_numbers;
	return 0;
}

int begin_numbers(const struct layout *layout, const struct client_node *client,
		  struct pool_state *state, bool *ret_changed, struct fault *fault)
{
	*ret_changed = state->last == 0 || state->doubtful;
	if (!*ret_changed)
		return 0;
	if (set_files_aside(layout, state, fault) < 0)
		return -1;
	if (state->last == 0)
		return extend_numbers(state, client->pool.size, fault);
	for (size_t i = 0; i < state->last; i++)
		if (state->marks[i] == MEMBER_UNUSED)
			state->marks[i] = MEMBER_USED;
	state->doubtful = false;
	return 0;
}

int share_numbers(const struct layout *layout, const struct client_node *client,
		  struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	CLEANUP(clear_pool_state) struct pool_state state = {0};

	if (client->pool.reuse.method == REUSE_ONCE_ONLY || client->pool.marks == NULL)
		return 0;
	if (lock_pool_state(layout, &lock, fault) < 0 ||
	    read_pool_state(layout, client->name, &state, fault) < 0)
		return -1;
	/* A copy is doubtful without the line; written, it is no copy any more. */
	if (state.last == 0 || (state.doubtful && !state.copied))
		return 0;
	state.doubtful = true;
	return write_pool_state(layout, &state, fault);
}

/* With the numbers that the pool's method, or its windows, need now. */
static int read_numbers(const struct layout *layout, const struct client_node *client,
			int64_t now_s, struct pool_state *state, bool *ret_changed,
			struct fault *fault)
{
	*ret_changed = false;
	if (read_pool_state(layout, client->name, state, fault) < 0)
		return -1;
	if (has_windows(&client->pool))
		return begin_windows(layout, client, now_s, state, ret_changed, fault);
	state->window_numbers.first = 0;
	return client->pool.reuse.method == REUSE_ONCE_ONLY
		       ? begin_numbers(layout, client, state, ret_changed, fault)
		       : 0;
}

int view_numbers(const struct layout *layout, struct client_node *client, int64_t now_s,
		 struct pool_state *ret_state, struct fault *fault)
{
	CLEANUP(clear_pool_state) struct pool_state state = {0};
	bool changed;

	if (read_numbers(layout, client, now_s, &state, &changed, fault) < 0 ||
	    set_numbers(&state, &client->pool, fault) < 0)
		return -1;
	MOVE(ret_state, state);
	return 0;
}

/* Of a pool that uses no members up. */
static int take_numbers(const struct layout *layout, struct client_node *client, int64_t now_s,
			struct fault *fault)
{
	CLEANUP(clear_pool_state) struct pool_state state = {0};
	struct fault damaged = {0};

	if (view_numbers(layout, client, now_s, &state, &damaged) < 0)
		return pass_failure(&damaged, fault);
	return 0;
}

int prepare_numbers(const struct layout *layout, struct client_node *client, int64_t now_s,
		    struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	CLEANUP(clear_pool_state) struct pool_state state = {0};
	bool changed;

	if (client->pool.reuse.method != REUSE_ONCE_ONLY && !has_windows(&client->pool))
		return take_numbers(layout, client, now_s, fault);
	if (lock_pool_state(layout, &lock, fault) < 0 ||
	    read_numbers(layout, client, now_s, &state, &changed, fault) < 0 ||
	    (changed && write_pool_state(layout, &state, fault) < 0))
		return -1;
	return set_numbers(&state, &client->pool, fault);
}

int fill_numbers_up(const struct layout *layout, struct client_node *client, struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	CLEANUP(clear_pool_state) struct pool_state state = {0};
	size_t size = client->pool.size;
	size_t unused;
	size_t used;
	bool few;

	if (lock_pool_state(layout, &lock, fault) < 0 ||
	    read_pool_state(layout, client->name, &state, fault) < 0)
		return -1;
	unused = count_marked(&state, MEMBER_UNUSED);
	used = count_marked(&state, MEMBER_USED);
	/* Only once_only uses members up: for another reuse, all but the unused ones are lost. */
	few = client->pool.reuse.method != REUSE_ONCE_ONLY ||
	      unused <= client->pool.reuse.topup_unused || unused + used < size;
	if (!has_windows(&client->pool) && unused < size && few &&
	    (extend_numbers(&state, state.last + size - unused, fault) < 0 ||
	     write_pool_state(layout, &state, fault) < 0))
		return -1;
	return set_numbers(&state, &client->pool, fault);
}

static int remove_member_file(int dirfd, const char *folder, file_namer *namer, size_t member,
			      const struct layout *layout, struct fault *fault)
{
	char name[FILE_NAME_SIZE];

	namer(member, name);
	if (remove_file(dirfd, name, fault) < 0)
		return prefix_fault(fault, "%s/%s", layout->path, folder);
	return 0;
}

/* The key first. */
static int remove_member(const struct layout *layout, size_t member, struct fault *fault)
{
	static const struct member_files *const files[] = {&current_files, &renewal_files};

	for (size_t i = 0; i < COUNT_OF(files); i++)
		if (remove_member_file(layout->private, "Private", files[i]->key, member, layout,
				       fault) < 0 ||
		    remove_member_file(layout->csr_file, "CSR_file", files[i]->csr, member, layout,
				       fault) < 0 ||
		    remove_member_file(layout->cert, "cert", files[i]->certificate, member, layout,
				       fault) < 0)
			return -1;
	return 0;
}

static int sync_members(const struct layout *layout, struct fault *fault)
{
	if (sync_directory(layout->private, fault) < 0 ||
	    sync_directory(layout->csr_file, fault) < 0 || sync_directory(layout->cert, fault) < 0)
		return prefix_fault(fault, "%s", layout->path);
	return 0;
}

int retire_used_members(const struct layout *layout, struct client_node *client, size_t *ret_count,
			struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	CLEANUP(clear_pool_state) struct pool_state state = {0};
	size_t count = 0;

	if (lock_pool_state(layout, &lock, fault) < 0 ||
	    read_pool_state(layout, client->name, &state, fault) < 0)
		return -1;
	/* What has signed since the numbers were filled up has no successor yet. */
	for (size_t i = 0; i < state.last && i < client->pool.last; i++) {
		if (state.marks[i] != MEMBER_USED || client->pool.marks[i] != MEMBER_USED)
			continue;
		if (remove_member(layout, i + 1, fault) < 0)
			return -1;
		state.marks[i] = MEMBER_RETIRED;
		count++;
	}
	if (count > 0) {
		drop_retired_peers(&state);
		state.current = 0;
		state.first_used_s = 0;
		if (sync_members(layout, fault) < 0 || write_pool_state(layout, &state, fault) < 0)
			return -1;
	}
	*ret_count = count;
	return set_numbers(&state, &client->pool, fault);
}

bool is_full(const struct pool_settings *pool)
{
	return count_members(pool) >= pool->size;
}

int64_t next_fill_up_at(const struct pool_state *state)
{
	int64_t delay_s = FIRST_DELAY_S;

	if (state->failures < 2)
		return 0;
	for (size_t i = 2; i < state->failures && delay_s < LAST_DELAY_S; i++)
		delay_s *= 2;
	return state->failed_at_s + (delay_s < LAST_DELAY_S ? delay_s : LAST_DELAY_S);
}

int check_fill_up(const struct layout *layout, const char *client, int64_t now_s,
		  struct fault *fault)
{
	CLEANUP(clear_pool_state) struct pool_state state = {0};
	char next[TIME_TEXT_SIZE];

	if (read_pool_state(layout, client, &state, fault) < 0)
		return -1;
	if (now_s < state.failed_at_s || now_s >= next_fill_up_at(&state))
		return 0;
	format_time(next_fill_up_at(&state), next);
	return set_fault(fault, FAULT_BUSY,
			 "%s: filling the pool up failed %zu times, and is tried again at %s, or "
			 "with --now: %s",
			 client, state.failures, next, state.failure);
}

int note_fill_up(const struct layout *layout, const char *client, int64_t now_s,
		 const struct fault *failure, struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	CLEANUP(clear_pool_state) struct pool_state state = {0};

	if (lock_pool_state(layout, &lock, fault) < 0 ||
	    read_pool_state(layout, client, &state, fault) < 0)
		return -1;
	if (failure == NULL && state.failures == 0)
		return 0;
	if (failure == NULL)
		state.failures = 0;
	else if (state.failures < FAILURES_MAX)
		state.failures++;
	state.failed_at_s = now_s;
	if (failure != NULL) {
		(void)snprintf(state.failure, sizeof(state.failure), "%.511s", failure->text);
		mask_control_characters(state.failure);
	}
	return write_pool_state(layout, &state, fault);
}
