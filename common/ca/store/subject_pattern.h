#ifndef CERTPOOL_CA_STORE_SUBJECT_PATTERN_H
#define CERTPOOL_CA_STORE_SUBJECT_PATTERN_H

#include <stdbool.h>

/*
 * Whether a text matches a pattern: `*` is any text, `?` one character, `[abc]`, `[a-z]` one of
 * these and `[^a-z]` none of these; `]` is a member of the set when it comes first. Any other
 * character is itself, in its case; `[*]` is an asterisk. A set without its `]` matches nothing.
 * Both are UTF-8. Source: the operator GLOB of SQLite.
 */
bool matches_pattern(const char *pattern, const char *text);

#endif
