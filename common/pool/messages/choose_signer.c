#include "common/pool/messages/choose_signer.h"

#include "common/base/random.h"
#include "common/pool/members/member_set.h"
#include "common/pool/messages/member_order.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct chooser {
	const struct layout *layout;
	const struct client_node *client;
	struct signer_cache *cache;
	pthread_mutex_t lock; /* for the fields below */
	size_t expected;      /* messages to come, as far as is known */

	/* rotating-batch, and any hold in messages. The position of the order is this process's
	   next place, up to `end`. */
	struct pool_order order;
	uint64_t end;
	uint64_t skip_to;  /* places before it are of members that cannot sign */
	uint32_t *members; /* in the order of `seed` */
	size_t last;       /* the last member of an order that signed; 0: not known */
	size_t missed;     /* the last one that could not sign; 0: there was none */
	uint8_t seed[SEED_LEN];
	char boot[BOOT_SIZE];
	int file; /* state/pool; -1: not open */
	int turn; /* of begin_turn */
	/* limited_time, and any hold in time. */
	size_t current; /* 0: not known */
	int64_t current_since_s;

	struct once_chooser once; /* once_only */

	/* per-relying-party. */
	char peer[NAME_SIZE];
	size_t peer_member;
};

/* A place in an order. */
struct place {
	uint8_t seed[SEED_LEN];
	uint64_t position;
	size_t member;
};

int new_chooser(const struct layout *layout, const struct client_node *client,
		struct signer_cache *cache, struct chooser **ret_chooser, struct fault *fault)
{
	CLEANUP(free_chooser) struct chooser *chooser = calloc(1, sizeof(*chooser));

	if (chooser == NULL)
		return set_memory_fault(fault);
	*chooser = (struct chooser){
		.layout = layout, .client = client, .cache = cache, .file = -1, .turn = -1};
	pthread_mutex_init(&chooser->lock, NULL);
	init_once_chooser(&chooser->once, layout, client, cache);
	if ((!draws_each_message(&client->pool.reuse) && read_boot(chooser->boot, fault) < 0) ||
	    share_numbers(layout, client, fault) < 0)
		return -1;
	*ret_chooser = TAKE(chooser);
	return 0;
}

void free_chooser(struct chooser **chooser_pointer)
{
	struct chooser *chooser = TAKE(*chooser_pointer);

	if (chooser == NULL)
		return;
	close_once_chooser(&chooser->once);
	free(chooser->members);
	close_descriptor(&chooser->file);
	close_descriptor(&chooser->turn);
	pthread_mutex_destroy(&chooser->lock);
	free(chooser);
}

void expect_messages(struct chooser *chooser, size_t count)
{
	pthread_mutex_lock(&chooser->lock);
	chooser->expected = count;
	pthread_mutex_unlock(&chooser->lock);
}

/* *ret_signer stays NULL for a member that cannot sign, or is above the pool's size. */
static int open_if_usable(const struct chooser *chooser, size_t member, int64_t now_s,
			  struct signer **ret_signer, struct fault *fault)
{
	if (member == 0 || member > last_member(&chooser->client->pool) ||
	    is_set_apart(&chooser->client->pool, member))
		return 0;
	return open_signer_if_usable(chooser->cache, member, now_s, ret_signer, fault);
}

/* What a draw leaves out, besides what was used up under another method. */
struct left_out {
	const struct pool_settings *pool;
	size_t member;                  /* 0: none */
	const struct member_set *given; /* NULL: none */
};

/* A signer_filter. */
static bool may_sign(const void *context, size_t index)
{
	const struct left_out *left_out = context;

	return !is_set_apart(left_out->pool, index) && index != left_out->member &&
	       (left_out->given == NULL || !is_in_member_set(left_out->given, index));
}

/* What was used up under another method stays so. */
static int choose_at_random(const struct chooser *chooser, int64_t now_s,
			    struct signer **ret_signer, struct fault *fault)
{
	const struct client_node *client = chooser->client;
	const struct left_out none = {.pool = &client->pool};

	if (client->pool.marks == NULL)
		return draw_signer(chooser->cache, now_s, ret_signer, fault);
	if (draw_signer_among(chooser->cache, may_sign, &none, now_s, ret_signer, fault) < 0)
		return -1;
	if (*ret_signer != NULL)
		return 0;
	return set_fault(fault, FAULT_NOT_FOUND,
			 "%s: no member of the pool of %s can sign that was not used up before: "
			 "run certpool keep %s",
			 chooser->layout->path, client->name, client->name);
}

/* Makes chooser->members those of the order. */
static int take_order(struct chooser *chooser, const struct pool_order *order, struct fault *fault)
{
	uint32_t *members;

	if (chooser->members != NULL && memcmp(chooser->seed, order->seed, SEED_LEN) == 0)
		return 0;
	if (make_order(order->seed, &chooser->client->pool, order->count, &members, fault) < 0)
		return -1;
	free(chooser->members);
	chooser->members = members;
	memcpy(chooser->seed, order->seed, SEED_LEN);
	return 0;
}

/*
 * Opens state/pool, if it is not open or was replaced, and reads the order. A file that is missing
 * or a copy is written anew, with an order that has not begun.
 */
static int follow_file(struct chooser *chooser, struct pool_order *ret_order, struct fault *fault)
{
	const struct layout *layout = chooser->layout;
	CLEANUP(clear_pool_state) struct pool_state state = {0};
	CLEANUP(close_descriptor) int file = -1;
	bool same;

	if (find_pool_state(layout, chooser->file, &same, fault) < 0)
		return -1;
	if (same)
		return read_pool_order(chooser->file, ret_order, fault);
	close_descriptor(&chooser->file);
	if (open_pool_order(layout, &file, fault) < 0 ||
	    read_pool_state(layout, chooser->client->name, &state, fault) < 0)
		return -1;
	if (file < 0 || state.copied) {
		close_descriptor(&file);
		if (begin_order(&chooser->client->pool, chooser->boot, &state.order, fault) < 0 ||
		    write_pool_state(layout, &state, fault) < 0 ||
		    open_pool_order(layout, &file, fault) < 0)
			return -1;
	}
	*ret_order = state.order;
	chooser->file = file;
	file = -1;
	return 0;
}

/* Another order after one that is over. With limited_time another member, where there is one. */
static int follow_order(struct chooser *chooser, struct pool_order *order, struct fault *fault)
{
	const struct pool_settings *pool = &chooser->client->pool;
	bool other = pool->reuse.method == REUSE_LIMITED_TIME && count_members(pool) > 1 &&
		     order->count > 0 && order->count <= last_member(pool);
	size_t previous;

	if (other && take_order(chooser, order, fault) < 0)
		return -1;
	previous = other ? chooser->members[0] : 0;
	if (previous != chooser->missed)
		chooser->last = previous;
	do {
		if (begin_order(pool, chooser->boot, order, fault) < 0 ||
		    take_order(chooser, order, fault) < 0)
			return -1;
	} while (other && (chooser->members[0] == previous ||
			   (chooser->members[0] == chooser->last && count_members(pool) > 2)));
	return 0;
}

/* Takes the next places for this process: of one order, and no more than are expected. */
static int reserve_in_turn(struct chooser *chooser, struct fault *fault)
{
	const struct pool_settings *pool = &chooser->client->pool;
	size_t wanted = chooser->expected > 0 ? chooser->expected : 1;
	struct pool_order order;
	uint64_t left;

	if (follow_file(chooser, &order, fault) < 0)
		return -1;
	if (memcmp(order.seed, chooser->order.seed, SEED_LEN) == 0 &&
	    order.position < chooser->skip_to)
		order.position = chooser->skip_to;
	if ((is_order_over(pool, &order) || strcmp(order.boot, chooser->boot) != 0) &&
	    follow_order(chooser, &order, fault) < 0)
		return -1;
	left = end_of_order(pool, &order) - order.position;
	wanted = wanted < UNDER_WAY_MAX ? wanted : UNDER_WAY_MAX;
	wanted = wanted < left ? wanted : (size_t)left;
	order.position += wanted;
	if (take_order(chooser, &order, fault) < 0 ||
	    write_pool_order(chooser->file, &order, fault) < 0)
		return -1;
	chooser->skip_to = 0;
	chooser->end = order.position;
	chooser->order = order;
	chooser->order.position -= wanted;
	chooser->expected -= wanted < chooser->expected ? wanted : chooser->expected;
	return 0;
}

static int reserve_places(struct chooser *chooser, struct fault *fault)
{
	int result;

	if (begin_turn(chooser->layout, &chooser->turn, fault) < 0)
		return -1;
	result = reserve_in_turn(chooser, fault);
	end_turn(chooser->turn);
	return result;
}

static int take_place(struct chooser *chooser, struct place *ret_place, struct fault *fault)
{
	struct pool_order *order = &chooser->order;
	int result = 0;

	pthread_mutex_lock(&chooser->lock);
	if (order->position >= chooser->end)
		result = reserve_places(chooser, fault);
	if (result == 0) {
		memcpy(ret_place->seed, order->seed, SEED_LEN);
		ret_place->position = order->position++;
		ret_place->member = chooser->members[ret_place->position / order->hold];
	}
	pthread_mutex_unlock(&chooser->lock);
	return result;
}

/* Passes over the rest of the hold of a member that cannot sign. */
static void skip_member(struct chooser *chooser, const struct place *place)
{
	struct pool_order *order = &chooser->order;

	pthread_mutex_lock(&chooser->lock);
	chooser->missed = place->member;
	if (memcmp(order->seed, place->seed, SEED_LEN) == 0) {
		uint64_t next = (place->position / order->hold + 1) * order->hold;

		if (chooser->skip_to < next)
			chooser->skip_to = next;
		if (order->position < next)
			order->position = next < chooser->end ? next : chooser->end;
	}
	pthread_mutex_unlock(&chooser->lock);
}

/* After twice as many members that cannot sign as there are, nobody can. */
static int choose_in_order(struct chooser *chooser, int64_t now_s, struct signer **ret_signer,
			   struct fault *fault)
{
	for (size_t misses = 0; misses < 2 * last_member(&chooser->client->pool); misses++) {
		struct place place;

		if (take_place(chooser, &place, fault) < 0 ||
		    open_if_usable(chooser, place.member, now_s, ret_signer, fault) < 0)
			return -1;
		if (*ret_signer != NULL)
			return 0;
		skip_member(chooser, &place);
	}
	pthread_mutex_lock(&chooser->lock);
	chooser->last = 0; /* nobody else can sign */
	pthread_mutex_unlock(&chooser->lock);
	return choose_at_random(chooser, now_s, ret_signer, fault);
}

/* The next of an order of which each change is durable. */
static int choose_next_in_order(struct chooser *chooser, struct pool_state *state, int64_t now_s,
				struct signer **ret_signer, struct fault *fault)
{
	struct pool_order *order = &state->order;

	for (size_t misses = 0; misses < 2 * last_member(&chooser->client->pool); misses++) {
		if ((is_order_over(&chooser->client->pool, order) || state->copied) &&
		    begin_order(&chooser->client->pool, chooser->boot, order, fault) < 0)
			return -1;
		state->copied = false;
		if (take_order(chooser, order, fault) < 0 ||
		    open_if_usable(chooser, chooser->members[order->position++], now_s, ret_signer,
				   fault) < 0)
			return -1;
		if (*ret_signer != NULL)
			return 0;
	}
	return choose_at_random(chooser, now_s, ret_signer, fault);
}

/* The member whose time runs, if it can sign; *ret_signer stays NULL otherwise. */
static int open_current(const struct chooser *chooser, size_t current, int64_t since_s,
			int64_t now_s, struct signer **ret_signer, struct fault *fault)
{
	int64_t hold_s = chooser->client->pool.reuse.hold_s;

	if (current == 0 || (hold_s > 0 && llabs(now_s - since_s) >= hold_s))
		return 0;
	return open_if_usable(chooser, current, now_s, ret_signer, fault);
}

static int begin_hold(struct chooser *chooser, struct pool_state *state, int64_t now_s,
		      struct signer **ret_signer, struct fault *fault)
{
	enum reuse method = chooser->client->pool.reuse.method;
	const struct left_out left_out = {.pool = &chooser->client->pool,
					  .member = method == REUSE_RANDOM ? 0 : state->current};
	CLEANUP(release_signer) struct signer *signer = NULL;
	int result;

	if (method == REUSE_ROTATING_BATCH)
		result = choose_next_in_order(chooser, state, now_s, &signer, fault);
	else
		result = draw_signer_among(chooser->cache, may_sign, &left_out, now_s, &signer,
					   fault);
	if (result < 0 || (signer == NULL && choose_at_random(chooser, now_s, &signer, fault) < 0))
		return -1;
	state->current = signer->member.index;
	state->current_since_s = now_s;
	if (write_pool_state(chooser->layout, state, fault) < 0)
		return -1;
	*ret_signer = TAKE(signer);
	return 0;
}

/* The caller has the chooser's lock. */
static int choose_by_time(struct chooser *chooser, int64_t now_s, struct signer **ret_signer,
			  struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	CLEANUP(clear_pool_state) struct pool_state state = {0};

	if (open_current(chooser, chooser->current, chooser->current_since_s, now_s, ret_signer,
			 fault) < 0)
		return -1;
	if (*ret_signer != NULL)
		return 0;
	if (lock_pool_state(chooser->layout, &lock, fault) < 0 ||
	    read_pool_state(chooser->layout, chooser->client->name, &state, fault) < 0 ||
	    open_current(chooser, state.current, state.current_since_s, now_s, ret_signer, fault) <
		    0)
		return -1;
	if (*ret_signer == NULL && begin_hold(chooser, &state, now_s, ret_signer, fault) < 0)
		return -1;
	chooser->current = state.current;
	chooser->current_since_s = state.current_since_s;
	return 0;
}

/* Draws a member that no peer was given. */
static int draw_for_peer(const struct chooser *chooser, const char *peer,
			 const struct pool_state *state, int64_t now_s, struct signer **ret_signer,
			 struct fault *fault)
{
	size_t size = last_member(&chooser->client->pool);
	CLEANUP(clear_member_set) struct member_set given = {0};
	const struct left_out left_out = {.pool = &chooser->client->pool, .given = &given};
	CLEANUP(release_signer) struct signer *any = NULL;

	if (init_member_set(size, &given, fault) < 0)
		return -1;
	for (size_t i = 0; i < state->peer_count; i++)
		if (state->peers[i].member <= size)
			add_to_member_set(&given, state->peers[i].member);
	if (draw_signer_among(chooser->cache, may_sign, &left_out, now_s, ret_signer, fault) < 0)
		return -1;
	if (*ret_signer != NULL)
		return 0;
	if (choose_at_random(chooser, now_s, &any, fault) < 0)
		return -1;
	return set_fault(fault, FAULT_NOT_FOUND,
			 "%s: no member is left for %s: the pool of %s has %zu members, and %zu of "
			 "them are those of other receivers: raise the pool's size, and run "
			 "certpool keep %s",
			 chooser->layout->path, peer, chooser->client->name, size, given.count,
			 chooser->client->name);
}

/* The caller has the chooser's lock. */
static int choose_by_peer(struct chooser *chooser, const char *peer, int64_t now_s,
			  struct signer **ret_signer, struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	CLEANUP(clear_pool_state) struct pool_state state = {0};
	CLEANUP(release_signer) struct signer *signer = NULL;

	if (strcmp(chooser->peer, peer) == 0 &&
	    open_if_usable(chooser, chooser->peer_member, now_s, &signer, fault) < 0)
		return -1;
	if (signer == NULL &&
	    (lock_pool_state(chooser->layout, &lock, fault) < 0 ||
	     read_pool_state(chooser->layout, chooser->client->name, &state, fault) < 0 ||
	     open_if_usable(chooser, find_pool_peer(&state, peer), now_s, &signer, fault) < 0))
		return -1;
	if (signer == NULL && (draw_for_peer(chooser, peer, &state, now_s, &signer, fault) < 0 ||
			       add_pool_peer(&state, peer, signer->member.index, fault) < 0 ||
			       write_pool_state(chooser->layout, &state, fault) < 0))
		return -1;
	(void)snprintf(chooser->peer, sizeof(chooser->peer), "%s", peer);
	chooser->peer_member = signer->member.index;
	*ret_signer = TAKE(signer);
	return 0;
}

/* The caller has the chooser's lock. */
static int choose_unused(struct chooser *chooser, int64_t now_s, struct signer **ret_signer,
			 struct fault *fault)
{
	size_t wanted = chooser->expected > 0 ? chooser->expected : 1;

	if (choose_once(&chooser->once, wanted, now_s, ret_signer, fault) < 0)
		return -1;
	chooser->expected = wanted - 1;
	return 0;
}

/* What more than one message depends on is chosen by one thread at a time. */
static int choose_locked(struct chooser *chooser, const char *peer, int64_t now_s,
			 struct signer **ret_signer, struct fault *fault)
{
	enum reuse method = chooser->client->pool.reuse.method;
	int result;

	pthread_mutex_lock(&chooser->lock);
	if (method == REUSE_ONCE_ONLY)
		result = choose_unused(chooser, now_s, ret_signer, fault);
	else if (method == REUSE_PER_RELYING_PARTY)
		result = choose_by_peer(chooser, peer, now_s, ret_signer, fault);
	else
		result = choose_by_time(chooser, now_s, ret_signer, fault);
	pthread_mutex_unlock(&chooser->lock);
	return result;
}

int choose_signer(struct chooser *chooser, const char *peer, int64_t now_s,
		  struct signer **ret_signer, struct fault *fault)
{
	const struct pool_reuse *reuse = &chooser->client->pool.reuse;
	CLEANUP(release_signer) struct signer *signer = NULL;
	int result;

	if (draws_each_message(reuse))
		result = choose_at_random(chooser, now_s, &signer, fault);
	else if (counts_messages(reuse))
		result = choose_in_order(chooser, now_s, &signer, fault);
	else
		result = choose_locked(chooser, peer, now_s, &signer, fault);
	if (result < 0)
		return -1;
	*ret_signer = TAKE(signer);
	return 0;
}

int open_chosen_signer(struct chooser *chooser, size_t member, int64_t now_s,
		       struct signer **ret_signer, struct fault *fault)
{
	CLEANUP(release_signer) struct signer *signer = NULL;
	int result = 0;

	if (open_signer(chooser->cache, member, now_s, &signer, fault) < 0)
		return -1;
	if (chooser->client->pool.reuse.method == REUSE_ONCE_ONLY) {
		pthread_mutex_lock(&chooser->lock);
		result = use_once(&chooser->once, member, now_s, fault);
		pthread_mutex_unlock(&chooser->lock);
	}
	if (result < 0)
		return -1;
	*ret_signer = TAKE(signer);
	return 0;
}
