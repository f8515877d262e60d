/* What a pool's state says of members. */
#include "common/pool/members/pool_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t find_pool_peer(const struct pool_state *state, const char *name)
{
	for (size_t i = state->peer_count; i > 0; i--)
		if (strcmp(state->peers[i - 1].name, name) == 0)
			return state->peers[i - 1].member;
	return 0;
}

void drop_retired_peers(struct pool_state *state)
{
	size_t count = 0;

	for (size_t i = 0; i < state->peer_count; i++) {
		size_t member = state->peers[i].member;

		if (member > state->last || state->marks[member - 1] != MEMBER_RETIRED)
			state->peers[count++] = state->peers[i];
	}
	state->peer_count = count;
}

size_t count_in_use(const struct pool_state *state)
{
	const struct pool_order *order = &state->order;
	size_t count = state->current != 0 ? 1 : 0;

	if (order->hold > 0 && order->position > 0)
		count = (size_t)((order->position + order->hold - 1) / order->hold);
	return count + state->peer_count; /* no two of which have the same member */
}

int extend_numbers(struct pool_state *state, size_t last, struct fault *fault)
{
	uint8_t *marks;

	if (last > POOL_SIZE_MAX)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "expected at most %d numbers of members, found %zu: make the "
				 "client a new pool in another layout",
				 POOL_SIZE_MAX, last);
	if (last <= state->last)
		return 0;
	marks = realloc(state->marks, last);
	if (marks == NULL)
		return set_memory_fault(fault);
	memset(marks + state->last, MEMBER_UNUSED, last - state->last);
	state->marks = marks;
	state->last = last;
	return 0;
}

size_t count_marked(const struct pool_state *state, enum member_mark mark)
{
	size_t count = 0;

	for (size_t i = 0; i < state->last; i++)
		count += state->marks[i] == mark ? 1 : 0;
	return count;
}

int add_pool_peer(struct pool_state *state, const char *name, size_t member, struct fault *fault)
{
	struct pool_peer *peers = reallocarray(state->peers, state->peer_count + 1, sizeof(*peers));

	if (peers == NULL)
		return set_memory_fault(fault);
	state->peers = peers;
	peers[state->peer_count].member = member;
	(void)snprintf(peers[state->peer_count++].name, NAME_SIZE, "%s", name);
	return 0;
}
