#include "common/ca/service/origin_rate.h"

#include "common/base/bytes.h"
#include "common/base/random.h"
#include "common/base/token_bucket.h"
#include "common/crypto/digest.h"
#include "common/net/origin.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 16384, KEY_LEN = 16 };

struct origin_rate {
	size_t per_minute;
	uint8_t key[KEY_LEN];
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
	if (fill_random(rate->key, KEY_LEN, fault) < 0) {
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

static struct token_bucket *choose_bucket(struct origin_rate *rate, const char *origin)
{
	uint8_t text[KEY_LEN + ORIGIN_SIZE];
	uint8_t sha256[SHA256_LEN];
	size_t len = strnlen(origin, ORIGIN_SIZE);

	memcpy(text, rate->key, KEY_LEN);
	memcpy(text + KEY_LEN, origin, len);
	digest_sha256((struct bytes){text, KEY_LEN + len}, sha256);
	return &rate->buckets[(sha256[0] << 8 | sha256[1]) % BUCKETS];
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
