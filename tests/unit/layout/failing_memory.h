#ifndef CERTPOOL_TESTS_UNIT_LAYOUT_FAILING_MEMORY_H
#define CERTPOOL_TESTS_UNIT_LAYOUT_FAILING_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * An allocation that fails when a test wants it: failing_memory.c replaces libc's malloc, calloc
 * and realloc in this test program, except under a sanitizer, which has its own.
 */
bool memory_can_fail(void);

/* Makes one allocation fail, after `passing` that succeed. */
void fail_allocation_after(size_t passing);

/* Cancels that. True if the allocation has failed. */
bool stop_failing(void);

#endif
