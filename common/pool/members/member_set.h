#ifndef CERTPOOL_POOL_MEMBERS_MEMBER_SET_H
#define CERTPOOL_POOL_MEMBERS_MEMBER_SET_H

#include "common/base/fault.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A set of members of a pool: one bit a member. */
struct member_set {
	uint8_t *bits;
	size_t size; /* members 1 … size can be in the set */
	size_t count;
};

/* An empty set. */
int init_member_set(size_t size, struct member_set *ret_set, struct fault *fault) MUST_CHECK;
void clear_member_set(struct member_set *set);

/* member is 1 … size. */
bool is_in_member_set(const struct member_set *set, size_t member);

/* member is 1 … size. Adding a member twice is the same as once. */
void add_to_member_set(struct member_set *set, size_t member);

/* The first member of the set with an index above `after`; 0 if there is none. */
size_t next_in_member_set(const struct member_set *set, size_t after);

#endif
