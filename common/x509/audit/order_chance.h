#ifndef CERTPOOL_X509_AUDIT_ORDER_CHANCE_H
#define CERTPOOL_X509_AUDIT_ORDER_CHANCE_H

#include "common/base/fault.h"

#include <stddef.h>

/*
 * How likely it is that as many neighbours in a list have the same owner, if the list is in random
 * order: a permutation test with ORDERS random orders, always the same ones. Of a longer list the
 * first ORDER_MAX entries are looked at. Shape: owners are compared as pointers.
 */
enum { ORDERS = 9999, ORDER_MAX = 2048 };
int find_order_chance(const char *const *owners, size_t count, double *ret_chance,
		      struct fault *fault) MUST_CHECK;

/* Below it an order is not by chance. */
#define ORDER_CHANCE_MIN 0.001

#endif
