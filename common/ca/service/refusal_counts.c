#include "common/ca/service/refusal_counts.h"

#include <stdio.h>
#include <string.h>

void init_refusal_counts(struct refusal_counts *counts)
{
	*counts = (struct refusal_counts){0};
	pthread_mutex_init(&counts->lock, NULL);
}

void clear_refusal_counts(struct refusal_counts *counts)
{
	pthread_mutex_destroy(&counts->lock);
}

void count_refusal(struct refusal_counts *counts, const char *type)
{
	size_t i = 0;

	pthread_mutex_lock(&counts->lock);
	while (i < counts->row_count && strcmp(counts->rows[i].type, type) != 0)
		i++;
	if (i == counts->row_count && i < REFUSAL_TYPES_MAX)
		(void)snprintf(counts->rows[counts->row_count++].type, REFUSAL_TYPE_SIZE, "%s",
			       type);
	if (i < REFUSAL_TYPES_MAX)
		counts->rows[i].count++;
	pthread_mutex_unlock(&counts->lock);
}

size_t copy_refusal_counts(struct refusal_counts *counts,
			   struct refusal_count ret_rows[static REFUSAL_TYPES_MAX])
{
	size_t count;

	pthread_mutex_lock(&counts->lock);
	count = counts->row_count;
	memcpy(ret_rows, counts->rows, count * sizeof(*ret_rows));
	pthread_mutex_unlock(&counts->lock);
	return count;
}
