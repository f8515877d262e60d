#ifndef CERTPOOL_TESTS_FUZZ_MUTATOR_H
#define CERTPOOL_TESTS_FUZZ_MUTATOR_H

#include "tests/fuzz/der_mutator.h"

/*
 * Appends a copy of the input with one change where its format has structure; the first octets say
 * which format that is: DER, PEM with DER in it, JOSE's compact form (the JSON in its parts), JSON,
 * HTTP requests, or lines.
 */
void mutate_input(struct lot *lot, struct bytes input, struct buffer *ret_mutant);

#endif
