#include "common/pool/members/member_set.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>

int init_member_set(size_t size, struct member_set *ret_selection, struct fault *fault)
{
	uint8_t *bits = calloc(size / CHAR_BIT + 1, 1);

	if (bits == NULL)
		return set_memory_fault(fault);
	*ret_selection = (struct member_set){.bits = bits, .size = size};
	return 0;
}

void clear_member_set(struct member_set *selection)
{
	free(selection->bits);
	*selection = (struct member_set){0};
}

static bool is_selected(const struct member_set *selection, size_t member)
{
	return (selection->bits[(member - 1) / CHAR_BIT] >> (member - 1) % CHAR_BIT & 1) != 0;
}

void add_to_member_set(struct member_set *selection, size_t member)
{
	if (is_selected(selection, member))
		return;
	selection->bits[(member - 1) / CHAR_BIT] |= (uint8_t)(1U << (member - 1) % CHAR_BIT);
	selection->count++;
}

size_t next_in_member_set(const struct member_set *selection, size_t after)
{
	for (size_t member = after + 1; member <= selection->size; member++)
		if (is_selected(selection, member))
			return member;
	return 0;
}

void free_members(size_t **members)
{
	free(*members);
}
