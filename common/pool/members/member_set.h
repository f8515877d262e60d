#ifndef CERTPOOL_POOL_MEMBERS_MEMBER_SET_H
#define CERTPOOL_POOL_MEMBERS_MEMBER_SET_H

#include "common/base/fault.h"

#include <stddef.h>
#include <stdint.h>

/* Some members of a pool: a bit for each member, so that a large pool costs little. */
struct member_set {
	uint8_t *bits;
	size_t size; /* members 1 … size can be selected */
	size_t count;
};

/* Nobody is selected. */
int init_member_set(size_t size, struct member_set *ret_selection, struct fault *fault) MUST_CHECK;
void clear_member_set(struct member_set *selection);

void add_to_member_set(struct member_set *selection, size_t member);

/* The first selected member above that one; 0 when there is none. */
size_t next_in_member_set(const struct member_set *selection, size_t after);

/* free() for a list of members under CLEANUP. */
void free_members(size_t **members);

#endif
