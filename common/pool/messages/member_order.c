#include "common/pool/messages/member_order.h"

#include "common/base/random.h"
#include "common/crypto/digest.h"

#include <stdlib.h>
#include <string.h>

/* Numbers that follow from a seed. */
struct number_stream {
	uint8_t input[SEED_LEN + sizeof(uint64_t)];
	uint64_t counter;
	uint64_t numbers[SHA256_LEN / sizeof(uint64_t)];
	size_t left;
};

static uint64_t next_number(struct number_stream *stream)
{
	if (stream->left == 0) {
		uint8_t digest[SHA256_LEN];

		for (size_t i = 0; i < sizeof(uint64_t); i++)
			stream->input[SEED_LEN + i] = (uint8_t)(stream->counter >> (8 * i));
		stream->counter++;
		digest_sha256((struct bytes){stream->input, sizeof(stream->input)}, digest);
		for (size_t i = 0; i < sizeof(digest); i++) {
			uint64_t *number = &stream->numbers[i / sizeof(uint64_t)];

			*number = *number >> 8 | (uint64_t)digest[i] << 56;
		}
		stream->left = COUNT_OF(stream->numbers);
	}
	return stream->numbers[--stream->left];
}

/* Uniform in 0 … bound-1: numbers above the last multiple of the bound are passed over. */
static uint64_t next_below(struct number_stream *stream, uint64_t bound)
{
	uint64_t number = next_number(stream);

	while (number >= UINT64_MAX - UINT64_MAX % bound)
		number = next_number(stream);
	return number % bound;
}

static bool rotates(const struct pool_settings *pool)
{
	return pool->reuse.method == REUSE_ROTATING_BATCH;
}

static size_t hold_of(const struct pool_settings *pool)
{
	return pool->reuse.hold_messages > 0 ? pool->reuse.hold_messages : 1;
}

int begin_order(const struct pool_settings *pool, const char boot[static BOOT_SIZE],
		struct pool_order *ret_order, struct fault *fault)
{
	struct pool_order order = {.count = last_member(pool), .hold = hold_of(pool)};

	if (fill_random(order.seed, SEED_LEN, fault) < 0)
		return -1;
	memcpy(order.boot, boot, BOOT_SIZE);
	*ret_order = order;
	return 0;
}

bool is_order_over(const struct pool_settings *pool, const struct pool_order *order)
{
	return order->hold != hold_of(pool) || order->count > last_member(pool) ||
	       (has_windows(pool) && order->count != last_member(pool)) ||
	       order->position >= end_of_order(pool, order);
}

/* Of the members 1 … count. */
static size_t count_eligible(const struct pool_settings *pool, size_t count)
{
	size_t members = count;

	for (size_t i = 0; i < pool->last && i < count; i++)
		members -= is_set_apart(pool, i + 1) ? 1 : 0;
	return members;
}

uint64_t end_of_order(const struct pool_settings *pool, const struct pool_order *order)
{
	size_t members = count_eligible(pool, order->count);

	if (!rotates(pool) && members > 1)
		members = 1;
	return (uint64_t)members * order->hold;
}

/* The first number that is not of a member set apart: each other one is as likely. */
static uint32_t draw_member(struct number_stream *stream, const struct pool_settings *pool,
			    size_t count)
{
	uint32_t member;

	if (count_eligible(pool, count) == 0)
		return 0;
	do {
		member = (uint32_t)next_below(stream, count) + 1;
	} while (is_set_apart(pool, member));
	return member;
}

int make_order(const uint8_t seed[static SEED_LEN], const struct pool_settings *pool, size_t count,
	       uint32_t **ret_members, struct fault *fault)
{
	struct number_stream stream = {0};
	uint32_t *members = calloc(rotates(pool) ? count : 1, sizeof(*members));
	size_t kept = 0;

	if (members == NULL)
		return set_memory_fault(fault);
	memcpy(stream.input, seed, SEED_LEN);
	if (!rotates(pool)) {
		members[0] = draw_member(&stream, pool, count);
		*ret_members = members;
		return 0;
	}
	for (size_t i = 0; i < count; i++)
		members[i] = (uint32_t)i + 1;
	for (size_t i = count; i > 1; i--) {
		size_t other = (size_t)next_below(&stream, i);
		uint32_t member = members[other];

		members[other] = members[i - 1];
		members[i - 1] = member;
	}
	for (size_t i = 0; i < count; i++)
		if (!is_set_apart(pool, members[i]))
			members[kept++] = members[i];
	*ret_members = members;
	return 0;
}
