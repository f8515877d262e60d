#ifndef CERTPOOL_TESTS_BENCH_PARTS_QUANTILE_H
#define CERTPOOL_TESTS_BENCH_PARTS_QUANTILE_H

#include <stddef.h>
#include <stdint.h>

/* Puts times in ascending order. */
void sort_times(uint32_t *times_us, size_t count);

/* The time within which the given share (0 to 1) of the sorted times lies; 0 when there are none.
 */
double quantile_ms(const uint32_t *times_us, size_t count, double share);

#endif
