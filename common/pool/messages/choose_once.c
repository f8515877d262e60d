#include "common/pool/messages/choose_once.h"

#include "common/base/clock.h"

/* How often a pool that is waited for is looked at. While fewer than UNDER_WAY_MAX times SHARE are
   unused, a process takes fewer at once, so that others find some. */
enum { LOOK_AGAIN_US = 200000, SHARE = 8 };

/* A pool's state under its lock. */
struct locked_state {
	int lock;
	bool changed;
	struct pool_state state;
};

static void unlock_state(struct locked_state *locked)
{
	clear_pool_state(&locked->state);
	close_descriptor(&locked->lock);
}

static int open_state(const struct signing_pool *pool, struct locked_state *ret_locked,
		      struct fault *fault)
{
	if (lock_directory(pool->layout->state, ".", &ret_locked->lock, fault) < 0)
		return prefix_fault(fault, "%s/state", pool->layout->path);
	if (read_pool_state(pool->layout, pool->client->name, &ret_locked->state, fault) < 0 ||
	    begin_numbers(pool->layout, pool->client, &ret_locked->state, &ret_locked->changed,
			  fault) < 0)
		return -1;
	resize_signer_cache(pool->cache, ret_locked->state.last);
	return 0;
}

/* A signer_filter. */
static bool is_unused(const void *context, size_t index)
{
	const struct pool_state *state = context;

	return index <= state->last && state->marks[index - 1] == MEMBER_UNUSED;
}

/* A signer_filter. */
static bool is_used(const void *context, size_t index)
{
	const struct pool_state *state = context;

	return index <= state->last && state->marks[index - 1] == MEMBER_USED;
}

/* Takes places for the next messages, if any member is left; they are durable on return. */
static int take_places(const struct signing_pool *pool, struct locked_state *locked,
		       struct once_places *places, size_t wanted, int64_t now_s,
		       struct fault *fault)
{
	struct pool_state *state = &locked->state;
	size_t share = count_marked(state, MEMBER_UNUSED) / SHARE;
	size_t most = share < UNDER_WAY_MAX ? share : UNDER_WAY_MAX;
	size_t count = 0;

	most = most < wanted ? most : wanted;
	do {
		CLEANUP(release_signer) struct signer *signer = NULL;

		if (draw_signer_among(pool->cache, is_unused, state, now_s, &signer, fault) < 0)
			return -1;
		if (signer == NULL)
			break;
		if (state->first_used_s == 0)
			state->first_used_s = now_s;
		places->members[count++] = signer->member.index;
		state->marks[signer->member.index - 1] = MEMBER_USED;
	} while (count < most);
	if ((count > 0 || locked->changed) && write_pool_state(pool->layout, state, fault) < 0)
		return -1;
	places->count = count;
	return 0;
}

/* A used member, for as long as it can sign: on_empty: reuse. */
static int reuse_member(const struct signing_pool *pool, struct locked_state *locked, int64_t now_s,
			struct signer **ret_signer, struct fault *fault)
{
	struct pool_state *state = &locked->state;

	if (state->current != 0 && is_used(state, state->current) &&
	    open_signer_if_usable(pool->cache, state->current, now_s, ret_signer, fault) < 0)
		return -1;
	if (*ret_signer != NULL)
		return 0;
	if (draw_signer_among(pool->cache, is_used, state, now_s, ret_signer, fault) < 0)
		return -1;
	if (*ret_signer == NULL)
		return 0;
	state->current = (*ret_signer)->member.index;
	state->current_since_s = now_s;
	return write_pool_state(pool->layout, state, fault);
}

static int refuse_empty(const struct signing_pool *pool, const struct pool_state *state,
			struct fault *fault)
{
	return set_fault(fault, FAULT_NOT_FOUND,
			 "%s: no member of the pool of %s is unused and can sign: %zu are set "
			 "aside, %zu have no valid certificate: run certpool keep %s, which fills "
			 "the pool up",
			 pool->layout->path, pool->client->name, count_marked(state, MEMBER_USED),
			 count_marked(state, MEMBER_UNUSED), pool->client->name);
}

/* *ret_signer stays NULL if no place is left and none was taken. */
static int choose_or_reuse(const struct signing_pool *pool, struct once_places *places,
			   size_t wanted, int64_t now_s, struct signer **ret_signer,
			   struct fault *fault)
{
	CLEANUP(unlock_state) struct locked_state locked = {.lock = -1};

	if (open_state(pool, &locked, fault) < 0 ||
	    take_places(pool, &locked, places, wanted, now_s, fault) < 0)
		return -1;
	if (places->count > 0)
		return 0;
	switch (pool->client->pool.reuse.on_empty) {
	case EMPTY_REUSE:
		if (reuse_member(pool, &locked, now_s, ret_signer, fault) < 0)
			return -1;
		return *ret_signer != NULL ? 0 : refuse_empty(pool, &locked.state, fault);
	case EMPTY_FAIL:
		return refuse_empty(pool, &locked.state, fault);
	case EMPTY_BLOCK:
		break;
	}
	return 0;
}

int choose_once(const struct signing_pool *pool, struct once_places *places, size_t wanted,
		int64_t now_s, struct signer **ret_signer, struct fault *fault)
{
	CLEANUP(release_signer) struct signer *signer = NULL;

	while (signer == NULL) {
		if (places->count == 0 &&
		    choose_or_reuse(pool, places, wanted, now_s, &signer, fault) < 0)
			return -1;
		/* Its files may have been replaced since: then the next one signs. */
		if (signer == NULL && places->count > 0) {
			if (open_signer_if_usable(pool->cache, places->members[--places->count],
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

int use_once(const struct signing_pool *pool, size_t member, int64_t now_s, struct fault *fault)
{
	CLEANUP(unlock_state) struct locked_state locked = {.lock = -1};

	if (open_state(pool, &locked, fault) < 0)
		return -1;
	if (!is_unused(&locked.state, member))
		return set_fault(fault, FAULT_REFUSED,
				 "member %zu of %s: it has signed before, and signs one message "
				 "only: use another member, or run certpool keep %s",
				 member, pool->client->name, pool->client->name);
	locked.state.marks[member - 1] = MEMBER_USED;
	if (locked.state.first_used_s == 0)
		locked.state.first_used_s = now_s;
	return write_pool_state(pool->layout, &locked.state, fault);
}

void release_places(const struct signing_pool *pool, struct once_places *places)
{
	CLEANUP(unlock_state) struct locked_state locked = {.lock = -1};
	struct fault lost = {0};

	if (places->count == 0 || open_state(pool, &locked, &lost) < 0 || locked.changed)
		return;
	for (; places->count > 0; places->count--)
		if (is_used(&locked.state, places->members[places->count - 1]))
			locked.state.marks[places->members[places->count - 1] - 1] = MEMBER_UNUSED;
	if (write_pool_state(pool->layout, &locked.state, &lost) < 0)
		return;
}
