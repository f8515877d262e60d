#ifndef CERTPOOL_TESTS_FUZZ_DER_MUTATOR_H
#define CERTPOOL_TESTS_FUZZ_DER_MUTATOR_H

#include "common/base/bytes.h"

/*
 * Changes objects in DER where they have structure: an item is left out, doubled, replaced by
 * another, gets another tag or content, and the lengths around it stay right. What is inside OCTET
 * STRING and BIT STRING counts too, as far as it is DER: the values of extensions.
 */

/* A reproducible source of numbers (xorshift64*). Shape: the state is not 0. */
struct lot {
	uint64_t state;
};

/* A number below the bound. Shape: bound is not 0. */
size_t draw(struct lot *lot, size_t bound);

/*
 * Appends a copy of the object with one change. A part of the object may be replaced by one of the
 * donors, which are whole items; there may be none. Octets that are not DER get a changed octet.
 */
void mutate_der(struct lot *lot, struct bytes der, const struct bytes *donors, size_t donor_count,
		struct buffer *ret_mutant);

#endif
