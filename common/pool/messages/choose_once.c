#include "common/pool/messages/choose_once.h"

#include "common/base/clock.h"
#include "common/base/random.h"

#include <stdlib.h>

/* How often a pool that is waited for is looked at. While fewer than UNDER_WAY_MAX times SHARE are
   unused, a process takes fewer at once, so that others find some. */
enum { LOOK_AGAIN_US = 200000, SHARE = 8 };

void init_once_chooser(struct once_chooser *once, const struct layout *layout,
		       const struct client_node *client, struct signer_cache *cache)
{
	*once = (struct once_chooser){
		.layout = layout, .client = client, .cache = cache, .file = -1};
}

/* Lists the members without a mark. */
static int list_unused(struct once_chooser *once, struct fault *fault)
{
	const struct pool_state *state = &once->state;
	uint32_t *unused = reallocarray(once->unused, state->last, sizeof(*unused));

	if (unused == NULL)
		return set_memory_fault(fault);
	once->unused = unused;
	once->unused_count = 0;
	for (size_t i = 0; i < state->last; i++)
		if (state->marks[i] == MEMBER_UNUSED)
			unused[once->unused_count++] = (uint32_t)i + 1;
	return 0;
}

/* What fails leaves the content of state/pool unknown. */
static int write_state(struct once_chooser *once, struct fault *fault)
{
	close_descriptor(&once->file);
	if (write_pool_state(once->layout, &once->state, fault) < 0)
		return -1;
	return open_pool_order(once->layout, &once->file, fault);
}

static int read_state(struct once_chooser *once, bool *ret_begun, struct fault *fault)
{
	CLEANUP(close_descriptor) int file = -1;

	close_descriptor(&once->file);
	clear_pool_state(&once->state);
	/* Opened first: if the name is another file's by then, this one is not state/pool. */
	if (open_pool_order(once->layout, &file, fault) < 0 ||
	    read_pool_state(once->layout, once->client->name, &once->state, fault) < 0 ||
	    begin_numbers(once->layout, once->client, &once->state, ret_begun, fault) < 0 ||
	    list_unused(once, fault) < 0)
		return -1;
	if (*ret_begun && write_state(once, fault) < 0)
		return -1;
	if (!*ret_begun) {
		once->file = file;
		file = -1;
	}
	resize_signer_cache(once->cache, once->state.last);
	return 0;
}

/* Reads the state unless it is known. *ret_begun: the numbers began anew, all that there were are
   set aside, and that is written. The caller has the lock. */
static int follow_state(struct once_chooser *once, bool *ret_begun, struct fault *fault)
{
	bool same;

	*ret_begun = false;
	if (find_pool_state(once->layout, once->file, &same, fault) < 0)
		return -1;
	if (!same)
		return read_state(once, ret_begun, fault);
	return read_pool_order(once->file, &once->state.order, fault);
}

static bool is_marked(const struct pool_state *state, size_t member, enum member_mark mark)
{
	return member <= state->last && state->marks[member - 1] == mark;
}

/* A signer_filter. */
static bool is_used(const void *context, size_t index)
{
	return is_marked(context, index, MEMBER_USED);
}

static void mark_used(struct pool_state *state, size_t member, int64_t now_s)
{
	state->marks[member - 1] = MEMBER_USED;
	if (state->first_used_s == 0)
		state->first_used_s = now_s;
}

/*
 * Takes a member that can sign from the unused ones, drawn uniformly: those that cannot are passed
 * over, behind the others of the list. *ret_member 0: there is none.
 */
static int draw_unused(struct once_chooser *once, int64_t now_s, size_t *ret_member,
		       struct fault *fault)
{
	uint32_t *unused = once->unused;

	*ret_member = 0;
	for (size_t left = once->unused_count; left > 0 && *ret_member == 0; left--) {
		CLEANUP(release_signer) struct signer *signer = NULL;
		uint64_t draw;
		uint32_t member;

		if (draw_below(left, &draw, fault) < 0)
			return -1;
		member = unused[draw];
		if (open_signer_if_usable(once->cache, member, now_s, &signer, fault) < 0)
			return -1;
		unused[draw] = unused[left - 1];
		unused[left - 1] = member;
		if (signer == NULL)
			continue;
		unused[left - 1] = unused[--once->unused_count];
		*ret_member = member;
	}
	return 0;
}

/* Takes places for the next messages, if any member is left; they are durable on return. */
static int take_places(struct once_chooser *once, size_t wanted, int64_t now_s, struct fault *fault)
{
	size_t share = once->unused_count / SHARE;
	size_t most = share < UNDER_WAY_MAX ? share : UNDER_WAY_MAX;
	size_t count = 0;

	most = most < wanted ? most : wanted;
	do {
		size_t member;

		if (draw_unused(once, now_s, &member, fault) < 0) {
			/* Marks are known that were not written. */
			close_descriptor(&once->file);
			return -1;
		}
		if (member == 0)
			break;
		mark_used(&once->state, member, now_s);
		once->places[count++] = member;
	} while (count < most);
	if (count > 0 && write_state(once, fault) < 0)
		return -1;
	once->place_count = count;
	return 0;
}

/* A used member, for as long as it can sign: on_empty: reuse. */
static int reuse_member(struct once_chooser *once, int64_t now_s, struct signer **ret_signer,
			struct fault *fault)
{
	struct pool_state *state = &once->state;

	if (state->current != 0 && is_used(state, state->current) &&
	    open_signer_if_usable(once->cache, state->current, now_s, ret_signer, fault) < 0)
		return -1;
	if (*ret_signer != NULL)
		return 0;
	if (draw_signer_among(once->cache, is_used, state, now_s, ret_signer, fault) < 0)
		return -1;
	if (*ret_signer == NULL)
		return 0;
	state->current = (*ret_signer)->member.index;
	state->current_since_s = now_s;
	return write_state(once, fault);
}

static int refuse_empty(const struct once_chooser *once, struct fault *fault)
{
	const struct pool_state *state = &once->state;

	return set_fault(fault, FAULT_NOT_FOUND,
			 "%s: no member of the pool of %s is unused and can sign: %zu are set "
			 "aside, %zu have no valid certificate: run certpool keep %s, which fills "
			 "the pool up",
			 once->layout->path, once->client->name, count_marked(state, MEMBER_USED),
			 once->unused_count, once->client->name);
}

/* *ret_signer stays NULL if no place is left and none was taken. */
static int choose_or_reuse(struct once_chooser *once, size_t wanted, int64_t now_s,
			   struct signer **ret_signer, struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	bool begun;

	if (lock_pool_state(once->layout, &lock, fault) < 0 ||
	    follow_state(once, &begun, fault) < 0 || take_places(once, wanted, now_s, fault) < 0)
		return -1;
	if (once->place_count > 0)
		return 0;
	switch (once->client->pool.reuse.on_empty) {
	case EMPTY_REUSE:
		if (reuse_member(once, now_s, ret_signer, fault) < 0)
			return -1;
		return *ret_signer != NULL ? 0 : refuse_empty(once, fault);
	case EMPTY_FAIL:
		return refuse_empty(once, fault);
	case EMPTY_BLOCK:
		break;
	}
	return 0;
}

int choose_once(struct once_chooser *once, size_t wanted, int64_t now_s, struct signer **ret_signer,
		struct fault *fault)
{
	CLEANUP(release_signer) struct signer *signer = NULL;

	while (signer == NULL) {
		if (once->place_count == 0 &&
		    choose_or_reuse(once, wanted, now_s, &signer, fault) < 0)
			return -1;
		/* Its files may have been replaced since: then the next one signs. */
		if (signer == NULL && once->place_count > 0) {
			if (open_signer_if_usable(once->cache, once->places[--once->place_count],
						  now_s, &signer, fault) < 0)
				return -1;
		} else if (signer == NULL) {
			sleep_us(LOOK_AGAIN_US);
			now_s = read_clock();
		}
	}
	*ret_signer = TAKE(signer);
	return 0;
}

int use_once(struct once_chooser *once, size_t member, int64_t now_s, struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	bool begun;

	if (lock_pool_state(once->layout, &lock, fault) < 0 ||
	    follow_state(once, &begun, fault) < 0)
		return -1;
	if (!is_marked(&once->state, member, MEMBER_UNUSED))
		return set_fault(fault, FAULT_REFUSED,
				 "member %zu of %s: it has signed before, and signs one message "
				 "only: use another member, or run certpool keep %s",
				 member, once->client->name, once->client->name);
	/* The list of unused members has it still, and is made anew. */
	close_descriptor(&once->file);
	mark_used(&once->state, member, now_s);
	return write_pool_state(once->layout, &once->state, fault);
}

static void give_places_back(struct once_chooser *once)
{
	CLEANUP(close_descriptor) int lock = -1;
	struct fault lost = {0};
	bool begun;

	if (lock_pool_state(once->layout, &lock, &lost) < 0 ||
	    follow_state(once, &begun, &lost) < 0 || begun)
		return;
	for (size_t i = 0; i < once->place_count; i++)
		if (is_used(&once->state, once->places[i]))
			once->state.marks[once->places[i] - 1] = MEMBER_UNUSED;
	if (write_pool_state(once->layout, &once->state, &lost) < 0)
		return;
}

void close_once_chooser(struct once_chooser *once)
{
	if (once->place_count > 0)
		give_places_back(once);
	clear_pool_state(&once->state);
	free(TAKE(once->unused));
	close_descriptor(&once->file);
}
