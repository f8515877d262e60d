#include "common/ca/service/origin_rate.h"

#include "common/base/random.h"
#include "common/base/token_bucket.h"
#include "common/crypto/digest.h"

#include <pthread.h>
#include <stdlib.h>

enum { BUCKETS = 1 << 14 };

struct origin_rate {
	size_t per_minute;
	uint8_t key[SHA256_LEN]; /* random */
	pthread_mutex_t lock;
	struct token_bucket buckets[BUCKETS];
};

int new_origin_rate(size_t per_minute, struct origin_rate **ret_rate, struct fault *fault)
{
	struct origin_rate *rate = calloc(1, sizeof(*rate));

	if (rate == NULL)
		return set_memory_fault(fault);
	rate->per_minute = per_minute;
	pthread_mutex_init(&rate->lock, NULL);
	if (fill_random(rate->key, sizeof(rate->key), fault) < 0) {
		free_origin_rate(&rate);
		return -1;
	}
	*ret_rate = rate;
	return 0;
}

void free_origin_rate(struct origin_rate **pointer)
{
	struct origin_rate *rate = TAKE(*pointer);

	if (rate == NULL)
		return;
	pthread_mutex_destroy(&rate->lock);
	free(rate);
}

/* Of addresses near each other a weaker hash makes neighbours, under some keys. */
static struct token_bucket *choose_bucket(struct origin_rate *rate, const char *origin)
{
	uint8_t mac[SHA256_LEN];

	hmac_sha256(rate->key, bytes_of_string(origin), mac);
	return &rate->buckets[(mac[0] | mac[1] << 8) % BUCKETS];
}

bool has_origin_credit(struct origin_rate *rate, const char *origin, int64_t now_us,
		       int64_t *ret_wait_s)
{
	struct token_bucket copy;

	if (rate->per_minute == 0)
		return true;
	pthread_mutex_lock(&rate->lock);
	copy = *choose_bucket(rate, origin);
	pthread_mutex_unlock(&rate->lock);
	return take_token(&copy, rate->per_minute, now_us, ret_wait_s);
}

bool charge_origin(struct origin_rate *rate, const char *origin, int64_t now_us,
		   int64_t *ret_wait_s)
{
	struct token_bucket *bucket;
	bool granted;

	if (rate->per_minute == 0)
		return true;
	bucket = choose_bucket(rate, origin);
	pthread_mutex_lock(&rate->lock);
	granted = take_token(bucket, rate->per_minute, now_us, ret_wait_s);
	pthread_mutex_unlock(&rate->lock);
	return granted;
}
