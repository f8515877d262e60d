#ifndef CERTPOOL_POOL_MESSAGES_MEMBER_ORDER_H
#define CERTPOOL_POOL_MESSAGES_MEMBER_ORDER_H

#include "common/pool/members/pool_state.h"

/* The position at which an order is over: its members that are not set apart, times its hold. */
uint64_t end_of_order(const struct pool_settings *pool, const struct pool_order *order);

/*
 * The members 1 … count that are not set apart, in the order that the seed gives: a uniform
 * permutation, by Fisher and Yates, of the numbers that SHA-256 makes of the seed and a counter.
 * Owns: free.
 */
int make_order(const uint8_t seed[static SEED_LEN], const struct pool_settings *pool, size_t count,
	       uint32_t **ret_members, struct fault *fault) MUST_CHECK;

#endif
