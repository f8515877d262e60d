#ifndef CERTPOOL_CA_SERVICE_REFUSAL_COUNTS_H
#define CERTPOOL_CA_SERVICE_REFUSAL_COUNTS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/* How many requests, or members of them, were refused, by the type of the refusal
   (common/wire/claims.h). Safe for several threads. */

enum { REFUSAL_TYPES_MAX = 32, REFUSAL_TYPE_SIZE = 32 };

struct refusal_count {
	char type[REFUSAL_TYPE_SIZE];
	uint64_t count;
};

struct refusal_counts {
	pthread_mutex_t lock;
	struct refusal_count rows[REFUSAL_TYPES_MAX];
	size_t row_count;
};

void init_refusal_counts(struct refusal_counts *counts);
void clear_refusal_counts(struct refusal_counts *counts);

void count_refusal(struct refusal_counts *counts, const char *type);

/* Returns how many rows there are. */
size_t copy_refusal_counts(struct refusal_counts *counts,
			   struct refusal_count ret_rows[static REFUSAL_TYPES_MAX]);

#endif
