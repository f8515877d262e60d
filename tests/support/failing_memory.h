#ifndef CERTPOOL_TESTS_SUPPORT_FAILING_MEMORY_H
#define CERTPOOL_TESTS_SUPPORT_FAILING_MEMORY_H

#include "common/base/fault.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * An allocation that fails when a test wants it: failing_memory.c replaces libc's malloc, calloc
 * and realloc in every test program, except under a sanitizer, which has its own. GMP, which ends
 * the process when it lacks memory, always has enough.
 */
bool memory_can_fail(void);

/* Makes one allocation fail, after `passing` that succeed. */
void fail_allocation_after(size_t passing);

/* Cancels that. True if the allocation has failed. */
bool stop_failing(void);

/*
 * Lets each allocation of the action fail in turn, and returns their number. The action returns 0,
 * or -1 with a fault that says that memory ran out; anything else fails the test. A library can do
 * without some allocations (qsort, readdir): then the action must succeed.
 */
size_t expect_memory_faults(int (*action)(struct fault *fault));

#endif
