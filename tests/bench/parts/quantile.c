#include "tests/bench/parts/quantile.h"

#include <stdlib.h>

static int compare_times(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a;
	uint32_t right = *(const uint32_t *)b;

	return left < right ? -1 : left > right;
}

void sort_times(uint32_t *times_us, size_t count)
{
	if (count > 0)
		qsort(times_us, count, sizeof(*times_us), compare_times);
}

double quantile_ms(const uint32_t *times_us, size_t count, double share)
{
	size_t index = (size_t)(share * (double)count);

	if (count == 0)
		return 0;
	if (index >= count)
		index = count - 1;
	return times_us[index] / 1000.0;
}
