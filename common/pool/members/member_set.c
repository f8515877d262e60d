#include "common/pool/members/member_set.h"

#include <limits.h>
#include <stdlib.h>

int init_member_set(size_t size, struct member_set *ret_set, struct fault *fault)
{
	uint8_t *bits = calloc(size / CHAR_BIT + 1, 1);

	if (bits == NULL)
		return set_memory_fault(fault);
	*ret_set = (struct member_set){.bits = bits, .size = size};
	return 0;
}

void clear_member_set(struct member_set *set)
{
	free(set->bits);
	*set = (struct member_set){0};
}

bool is_in_member_set(const struct member_set *set, size_t member)
{
	return (set->bits[(member - 1) / CHAR_BIT] >> (member - 1) % CHAR_BIT & 1) != 0;
}

void add_to_member_set(struct member_set *set, size_t member)
{
	if (is_in_member_set(set, member))
		return;
	set->bits[(member - 1) / CHAR_BIT] |= (uint8_t)(1U << (member - 1) % CHAR_BIT);
	set->count++;
}

size_t next_in_member_set(const struct member_set *set, size_t after)
{
	for (size_t member = after + 1; member <= set->size; member++)
		if (is_in_member_set(set, member))
			return member;
	return 0;
}
