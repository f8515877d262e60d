#ifndef CERTPOOL_POOL_MEMBERS_DUPLICATE_KEYS_H
#define CERTPOOL_POOL_MEMBERS_DUPLICATE_KEYS_H

#include "common/pool/members/survey.h"

/*
 * Members that have the same private key, because files were copied: only one of them can keep it.
 * The CA certifies a key once, and refuses a request that has it twice.
 */
struct duplicate_key {
	size_t index; /* a member whose key is another one's */
	size_t of;    /* the member that keeps it: its certificate fits, or else it comes first */
};

/* Notes the key of a view, if it was read, in a list that the caller clears. */
int note_member_key(const struct member_view *view, struct buffer *keys,
		    struct fault *fault) MUST_CHECK;

/* Appends the duplicates among the noted keys, each a struct duplicate_key. Sorts the list. */
int find_duplicate_keys(struct buffer *keys, struct buffer *duplicates,
			struct fault *fault) MUST_CHECK;

#endif
