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
	for (size_t i = count; i > 1; i--) {
		size_t j = (size_t)((next_number(state) >> 32) * i >> 32);
		const char *owner = owners[i - 1];

		owners[i - 1] = owners[j];
		owners[j] = owner;
	}
}

static void free_owners(const char ***owners)
{
	free(*owners);
}

/* A copy of the owners, as far as they are looked at, in the lists. */
struct lists {
	const char **owners;
	const size_t *lengths;
	size_t count;
};

static size_t bounded_length(size_t length, size_t before)
{
	return length < ORDER_MAX - before ? length : ORDER_MAX - before;
}

static size_t count_owners(const struct lists *lists)
{
	size_t count = 0;

	for (size_t i = 0; i < lists->count; i++)
		count += bounded_length(lists->lengths[i], count);
	return count;
}

static size_t count_same(const struct lists *lists)
{
	size_t before = 0;
	size_t same = 0;

	for (size_t i = 0; i < lists->count; i++) {
		size_t length = bounded_length(lists->lengths[i], before);

		same += count_same_neighbours(lists->owners + before, length);
		before += length;
	}
	return same;
}

static void shuffle_lists(const struct lists *lists, uint64_t *state)
{
	size_t before = 0;

	for (size_t i = 0; i < lists->count; i++) {
		size_t length = bounded_length(lists->lengths[i], before);

		shuffle(lists->owners + before, length, state);
		before += length;
	}
}

int find_order_chance(const char *const *owners, const size_t *lengths, size_t list_count,
		      double *ret_chance, struct fault *fault)
{
	CLEANUP(free_owners) const char **shuffled = calloc(ORDER_MAX, sizeof(*shuffled));
	const struct lists lists = {shuffled, lengths, list_count};
	uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
	size_t as_many = 0;
	size_t orders = 0;
	size_t same;

	if (shuffled == NULL)
		return set_memory_fault(fault);
	memcpy(shuffled, owners, count_owners(&lists) * sizeof(*shuffled));
	same = count_same(&lists);
	while (orders < ORDERS && as_many < ORDERS_ENOUGH) {
		shuffle_lists(&lists, &state);
		as_many += count_same(&lists) >= same ? 1 : 0;
		orders++;
	}
	*ret_chance = as_many < ORDERS_ENOUGH ? (double)(as_many + 1) / (ORDERS + 1)
					      : (double)as_many / (double)orders;
	return 0;
}
