#include "common/x509/audit/order_chance.h"

#include "common/base/bytes.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static size_t count_same_neighbours(const char *const *owners, size_t count)
{
	size_t same = 0;

	for (size_t i = 1; i < count; i++)
		same += owners[i] == owners[i - 1] ? 1 : 0;
	return same;
}

/* Marsaglia's xorshift64*: a test of chance needs no secret, and has the same result each time. */
static uint64_t next_number(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(2685821657736338717);
}

static void shuffle(const char **owners, size_t count, uint64_t *state)
{
	for (size_t i = count - 1; i > 0; i--) {
		size_t j = (size_t)((next_number(state) >> 32) * (i + 1) >> 32);
		const char *owner = owners[i];

		owners[i] = owners[j];
		owners[j] = owner;
	}
}

static void free_owners(const char ***owners)
{
	free(*owners);
}

int find_order_chance(const char *const *owners, size_t count, double *ret_chance,
		      struct fault *fault)
{
	CLEANUP(free_owners) const char **shuffled = NULL;
	uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
	size_t same;
	size_t as_many = 0;

	if (count > ORDER_MAX)
		count = ORDER_MAX;
	if (count < 2) {
		*ret_chance = 1;
		return 0;
	}
	shuffled = calloc(count, sizeof(*shuffled));
	if (shuffled == NULL)
		return set_memory_fault(fault);
	memcpy(shuffled, owners, count * sizeof(*shuffled));
	same = count_same_neighbours(owners, count);
	for (int order = 0; order < ORDERS; order++) {
		shuffle(shuffled, count, &state);
		as_many += count_same_neighbours(shuffled, count) >= same ? 1 : 0;
	}
	*ret_chance = (double)(as_many + 1) / (ORDERS + 1);
	return 0;
}
