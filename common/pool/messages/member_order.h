#ifndef CERTPOOL_POOL_MESSAGES_MEMBER_ORDER_H
#define CERTPOOL_POOL_MESSAGES_MEMBER_ORDER_H

#include "common/pool/members/pool_state.h"

/*
 * An order is that of a pool's method: with rotating-batch all members that are not set apart, each
 * for its hold; else one of them for the hold, which the seed draws uniformly.
 */

/* Draws a seed: an order of which no message is signed. */
int begin_order(const struct pool_settings *pool, const char boot[static BOOT_SIZE],
		struct pool_order *ret_order, struct fault *fault) MUST_CHECK;

/* Whether no message is left of the order, or the manifest has another hold or a smaller pool, or
   the order is another window's. */
bool is_order_over(const struct pool_settings *pool, const struct pool_order *order);

/* The position at which an order is over: its members times its hold. */
uint64_t end_of_order(const struct pool_settings *pool, const struct pool_order *order);

/*
 * The members of the order among 1 … count. With rotating-batch a uniform permutation, by Fisher
 * and Yates, by the numbers that SHA-256 makes of the seed and a counter; else the first that these
 * draw and that is not set apart, or 0 if all are. Owns: free.
 */
int make_order(const uint8_t seed[static SEED_LEN], const struct pool_settings *pool, size_t count,
	       uint32_t **ret_members, struct fault *fault) MUST_CHECK;

#endif
