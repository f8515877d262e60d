#ifndef CERTPOOL_X509_AUDIT_ORDER_CHANCE_H
#define CERTPOOL_X509_AUDIT_ORDER_CHANCE_H

#include "common/base/bytes.h"
#include "common/base/fault.h"

#include <stddef.h>
#include <stdint.h>

/*
 * How likely it is that as many neighbours have the same owner, if each of some lists is in random
 * order: one permutation test for all of them, with at most ORDERS random orders, always the same
 * ones. It ends when ORDERS_ENOUGH of these have as many (Besag and Clifford, "Sequential Monte
 * Carlo p-values", 1991). owners has the lists one after another; what is beyond its first
 * ORDER_MAX entries is not looked at. With values, one for each owner and rising in a list but for
 * STEP_MODULUS, of which they are remainders, it is instead how likely it is that as many steps
 * from an owner's value to its next are equal: numbers that pools take in turn have them.
 * Shape: owners are compared as pointers; values may be NULL.
 */
#define STEP_MODULUS ((UINT64_C(1) << 61) - 1)

enum { ORDERS = 9999, ORDERS_ENOUGH = 20, ORDER_MAX = 16384 };
int find_order_chance(const char *const *owners, const uint64_t *values, const size_t *lengths,
		      size_t list_count, double *ret_chance, struct fault *fault) MUST_CHECK;

/* The remainder of a number by STEP_MODULUS. Shape: big-endian. */
uint64_t step_value(struct bytes number);

/* Below it an order is not by chance. */
#define ORDER_CHANCE_MIN 0.001

#endif
