#ifndef CERTPOOL_TESTS_FUZZ_HEAD_MUTATOR_H
#define CERTPOOL_TESTS_FUZZ_HEAD_MUTATOR_H

#include "tests/fuzz/der_mutator.h"

/* Whether the text begins like the head of an HTTP request. */
bool is_request_head(struct bytes text);

/*
 * Appends a copy of the requests with one change: of a line, or of one of its parts (a word of the
 * first line, the name of a field, its colon with the white space around it, its value, the line's
 * end).
 */
void mutate_head(struct lot *lot, struct bytes text, struct buffer *ret_mutant);

#endif
