#ifndef CERTPOOL_TESTS_FUZZ_JSON_MUTATOR_H
#define CERTPOOL_TESTS_FUZZ_JSON_MUTATOR_H

#include "tests/fuzz/der_mutator.h"

/*
 * Appends a copy of the JSON text with one change: mostly of a member or an element, so that the
 * text remains JSON, or else of a token.
 */
void mutate_json(struct lot *lot, struct bytes text, struct buffer *ret_mutant);

#endif
