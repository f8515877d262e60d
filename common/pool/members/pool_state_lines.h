#ifndef CERTPOOL_POOL_MEMBERS_POOL_STATE_LINES_H
#define CERTPOOL_POOL_MEMBERS_POOL_STATE_LINES_H

#include "common/pool/members/pool_state.h"

/*
 * Lines of state/pool: what pool_state.c and the lines of marks are read with. Each cut_ function
 * reads the beginning of *text and moves *text behind it; false: *text begins otherwise.
 */

/* A number of at most 20 digits and the character behind it; '\0': the end of the line. */
bool cut_number(const char **text, char end, uint64_t most, uint64_t *ret_number);
/* A member's number, and the character behind it. */
bool cut_member(const char **text, char end, size_t *ret_member);
/* The word and the space behind it. */
bool cut_word(const char **text, const char *word);

/* A line `used`, `retired` or `marks`, after the line `last`. False: it is none, or not of the
 * form. */
bool parse_marks(const char *text, struct pool_state *state);

/* Appends the lines of all marks. */
void append_marks(const struct pool_state *state, struct buffer *text);

#endif
