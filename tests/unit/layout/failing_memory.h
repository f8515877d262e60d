#ifndef CERTPOOL_TESTS_UNIT_LAYOUT_FAILING_MEMORY_H
#define CERTPOOL_TESTS_UNIT_LAYOUT_FAILING_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Allocations that fail when a test wants them to: failing_memory.c stands in for libc's malloc,
 * calloc and realloc in this test program, except under a sanitizer, which has its own.
 */
bool memory_can_fail(void);

/* The allocation after `passing` more fails, and those after it do not. */
void fail_allocation_after(size_t passing);

/* From here on none fails. True when one did. */
bool stop_failing(void);

#endif
