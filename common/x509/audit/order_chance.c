#include "common/x509/audit/order_chance.h"

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

/* What count_equal_steps knows of an owner: the value before (step NO_STEP), and how often it has
   made each step. A cell of another round is free. */
struct step {
	const char *owner;
	uint64_t step;
	uint64_t value;
	uint64_t round;
};

enum { STEP_ROOM = 4 * ORDER_MAX }; /* a power of two, twice the cells that are ever used */
#define NO_STEP UINT64_MAX

struct step_table {
	uint64_t round;
	struct step cells[STEP_ROOM];
};

/* The cell of this owner and step, whose value is 0 if it is new. */
static struct step *find_step(struct step_table *table, const char *owner, uint64_t step,
			      bool *ret_found)
{
	uint64_t key = ((uintptr_t)owner ^ step) * UINT64_C(0x9e3779b97f4a7c15);
	struct step *cell;

	for (size_t i = (size_t)(key >> 32); true; i++) {
		cell = &table->cells[i % STEP_ROOM];
		*ret_found = cell->round == table->round;
		if (!*ret_found || (cell->owner == owner && cell->step == step))
			break;
	}
	if (!*ret_found)
		*cell = (struct step){owner, step, 0, table->round};
	return cell;
}

uint64_t step_value(struct bytes number)
{
	uint64_t value = 0;

	/* Three bits at most at a time, so that the product fits. */
	for (size_t i = 0; i < number.len; i++) {
		value = (value * 8 + (number.data[i] >> 5)) % STEP_MODULUS;
		value = (value * 8 + (number.data[i] >> 2 & 7)) % STEP_MODULUS;
		value = (value * 4 + (number.data[i] & 3)) % STEP_MODULUS;
	}
	return value;
}

/* Pairs of steps, from one value of an owner to its next, that are equal. */
static size_t count_equal_steps(struct step_table *table, const char *const *owners,
				const uint64_t *values, size_t count)
{
	size_t equal = 0;
	bool found;

	table->round++;
	for (size_t i = 0; i < count; i++) {
		struct step *last = find_step(table, owners[i], NO_STEP, &found);
		uint64_t step = (values[i] + STEP_MODULUS - last->value) % STEP_MODULUS;

		last->value = values[i];
		if (found)
			equal += find_step(table, owners[i], step, &found)->value++;
	}
	return equal;
}

static void free_steps(struct step_table **steps)
{
	free(*steps);
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
	const uint64_t *values; /* NULL: neighbours are counted, else equal steps */
	struct step_table *steps;
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

		same += lists->values == NULL
				? count_same_neighbours(lists->owners + before, length)
				: count_equal_steps(lists->steps, lists->owners + before,
						    lists->values + before, length);
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

int find_order_chance(const char *const *owners, const uint64_t *values, const size_t *lengths,
		      size_t list_count, double *ret_chance, struct fault *fault)
{
	CLEANUP(free_owners) const char **shuffled = calloc(ORDER_MAX, sizeof(*shuffled));
	CLEANUP(free_steps) struct step_table *steps = calloc(1, sizeof(*steps));
	const struct lists lists = {shuffled, lengths, list_count, values, steps};
	uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
	size_t as_many = 0;
	size_t orders = 0;
	size_t same;

	if (shuffled == NULL || steps == NULL)
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
