#include "common/pool/revocation/status_cache.h"

#include "common/base/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A certificate has one slot; a later certificate of the same slot displaces it. */
enum { SLOT_COUNT = 1024 };

struct cached_status {
	bool used;
	uint8_t certificate_sha256[SHA256_LEN];
	int64_t asked_at_s;
	struct status_answer answer;
};

struct status_cache {
	pthread_mutex_t lock;
	struct status_client *client;
	struct cached_status slots[SLOT_COUNT];
};

int new_status_cache(const struct layout *layout, const char *client, const struct endpoint *ca,
		     struct status_cache **ret_cache, struct fault *fault)
{
	CLEANUP(free_status_cache) struct status_cache *cache = calloc(1, sizeof(*cache));

	if (cache == NULL)
		return set_memory_fault(fault);
	pthread_mutex_init(&cache->lock, NULL);
	if (new_status_client(layout, client, ca, &cache->client, fault) < 0)
		return -1;
	*ret_cache = TAKE(cache);
	return 0;
}

void free_status_cache(struct status_cache **cache_pointer)
{
	struct status_cache *cache = TAKE(*cache_pointer);

	if (cache == NULL)
		return;
	free_status_client(&cache->client);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

static bool is_fresh(const struct cached_status *slot, const uint8_t sha256[static SHA256_LEN],
		     int64_t now_s)
{
	int64_t age_s = now_s - slot->asked_at_s;

	return slot->used && age_s >= 0 && age_s < STATUS_CACHED_S &&
	       memcmp(slot->certificate_sha256, sha256, SHA256_LEN) == 0;
}

/* The cached answer if it is fresh, or else a new one from the CA. The caller holds the lock. */
static int find_or_ask_status(struct status_cache *cache, struct bytes der, int64_t now_s,
			      struct status_answer *ret_answer, struct fault *fault)
{
	uint8_t sha256[SHA256_LEN];
	struct cached_status *slot;

	digest_sha256(der, sha256);
	slot = &cache->slots[(sha256[0] << 8 | sha256[1]) % SLOT_COUNT];
	if (!is_fresh(slot, sha256, now_s)) {
		if (ask_status(cache->client, der, now_s, &slot->answer, fault) < 0) {
			slot->used = false;
			return -1;
		}
		slot->used = true;
		slot->asked_at_s = now_s;
		memcpy(slot->certificate_sha256, sha256, SHA256_LEN);
	}
	*ret_answer = slot->answer;
	return 0;
}

static void check_status_answer(const struct status_answer *answer, struct verdict *verdict)
{
	char revoked_at[TIME_TEXT_SIZE];

	switch (answer->status) {
	case STATUS_GOOD:
		return;
	case STATUS_REVOKED:
		format_time(answer->revoked_at_s, revoked_at);
		reject_because(verdict, "the CA says that the certificate was revoked at %s (%s)",
			       revoked_at, answer->reason);
		return;
	case STATUS_EXPIRED:
	case STATUS_UNKNOWN:
	case STATUS_COUNT:
		reject_because(verdict, "the CA says that the certificate is %s",
			       format_status(answer->status));
	}
}

void check_cached_status(struct status_cache *cache, const struct certificate *certificate,
			 int64_t now_s, struct verdict *verdict)
{
	struct status_answer answer;
	struct fault fault = {0};
	int result;

	pthread_mutex_lock(&cache->lock);
	result = find_or_ask_status(cache, certificate_der(certificate), now_s, &answer, &fault);
	pthread_mutex_unlock(&cache->lock);
	if (result < 0)
		reject_because(verdict, "the CA did not give the certificate's status: %s",
			       fault.text);
	else
		check_status_answer(&answer, verdict);
}
