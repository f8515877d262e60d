#include "common/ca/issue/request_rate.h"

#include "common/base/token_bucket.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* One client's bucket. */
struct bucket {
	char client[NAME_SIZE];
	struct token_bucket tokens;
	struct bucket *next;
};

struct rate {
	pthread_mutex_t lock;
	struct bucket *buckets;
};

int new_rate(struct rate **ret_rate, struct fault *fault)
{
	struct rate *rate = calloc(1, sizeof(*rate));

	if (rate == NULL)
		return set_memory_fault(fault);
	pthread_mutex_init(&rate->lock, NULL);
	*ret_rate = rate;
	return 0;
}

void free_rate(struct rate **pointer)
{
	struct rate *rate = TAKE(*pointer);

	if (rate == NULL)
		return;
	while (rate->buckets != NULL) {
		struct bucket *next = rate->buckets->next;

		free(rate->buckets);
		rate->buckets = next;
	}
	pthread_mutex_destroy(&rate->lock);
	free(rate);
}

/* A bucket that was not used for a minute is full, like the bucket of a new client. */
static void drop_full_buckets(struct rate *rate, int64_t now_us)
{
	struct bucket **link = &rate->buckets;

	while (*link != NULL) {
		struct bucket *bucket = *link;

		if (!is_bucket_full(&bucket->tokens, now_us)) {
			link = &bucket->next;
			continue;
		}
		*link = bucket->next;
		free(bucket);
	}
}

/* Finds or adds the bucket of a client; NULL: out of memory. */
static struct bucket *find_bucket(struct rate *rate, const char *client, int64_t now_us)
{
	struct bucket *bucket;

	drop_full_buckets(rate, now_us);
	bucket = rate->buckets;
	while (bucket != NULL && strcmp(bucket->client, client) != 0)
		bucket = bucket->next;
	if (bucket != NULL)
		return bucket;
	bucket = calloc(1, sizeof(*bucket));
	if (bucket == NULL)
		return NULL;
	memcpy(bucket->client, client, strlen(client) + 1);
	bucket->tokens.as_of_us = now_us;
	bucket->next = rate->buckets;
	rate->buckets = bucket;
	return bucket;
}

bool take_turn(struct rate *rate, const char *client, size_t per_minute, int64_t now_us,
	       int64_t *ret_wait_s)
{
	struct bucket *bucket;
	bool granted;

	if (per_minute == 0)
		return true;
	pthread_mutex_lock(&rate->lock);
	bucket = find_bucket(rate, client, now_us);
	granted = bucket == NULL || take_token(&bucket->tokens, per_minute, now_us, ret_wait_s);
	pthread_mutex_unlock(&rate->lock);
	return granted;
}
