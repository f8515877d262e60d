#include "common/pool/revocation/status_cache.h"

#include "common/base/clock.h"
#include "common/base/periodic_thread.h"

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
	pthread_mutex_t lock; /* of all but the client */
	pthread_cond_t answered;
	struct status_client *client; /* of the one thread that asks */
	bool asking;                  /* a thread asks for a message */
	bool stopping;
	struct fault failure;  /* why the CA could not be asked; FAULT_NONE: it answers */
	struct buffer unasked; /* the certificate that was asked about then */
	struct periodic_thread *prober;
	struct cached_status slots[SLOT_COUNT];
};

/* While the CA cannot be reached: asks it again what it did not answer. No message asks meanwhile,
   so the client is this thread's. */
static void ask_again(void *context)
{
	struct status_cache *cache = context;
	struct status_answer answer;
	struct fault failure = {0};
	bool failed;

	pthread_mutex_lock(&cache->lock);
	failed = cache->failure.class != FAULT_NONE && !cache->stopping;
	pthread_mutex_unlock(&cache->lock);
	if (!failed)
		return;
	/* The answer itself is not of use: it may be old when the next message comes. */
	if (ask_status(cache->client, bytes_of_buffer(&cache->unasked), read_clock(), &answer,
		       &failure) < 0 &&
	    failure.class == FAULT_UNREACHABLE)
		return;
	pthread_mutex_lock(&cache->lock);
	cache->failure = (struct fault){0};
	pthread_mutex_unlock(&cache->lock);
}

int new_status_cache(const struct layout *layout, const char *client, const struct endpoint *ca,
		     struct status_cache **ret_cache, struct fault *fault)
{
	CLEANUP(free_status_cache) struct status_cache *cache = calloc(1, sizeof(*cache));

	if (cache == NULL)
		return set_memory_fault(fault);
	pthread_mutex_init(&cache->lock, NULL);
	pthread_cond_init(&cache->answered, NULL);
	if (new_status_client(layout, client, ca, STATUS_IMPATIENT, &cache->client, fault) < 0 ||
	    start_periodic_thread(STATUS_RETRY_S * 1000, ask_again, cache, &cache->prober, fault) <
		    0)
		return -1;
	*ret_cache = TAKE(cache);
	return 0;
}

void stop_status_cache(struct status_cache *cache)
{
	if (cache == NULL)
		return;
	pthread_mutex_lock(&cache->lock);
	cache->stopping = true;
	pthread_mutex_unlock(&cache->lock);
	if (cache->client != NULL)
		cancel_status_client(cache->client);
}

void free_status_cache(struct status_cache **cache_pointer)
{
	struct status_cache *cache = TAKE(*cache_pointer);

	if (cache == NULL)
		return;
	stop_status_cache(cache);
	stop_periodic_thread(&cache->prober);
	free_status_client(&cache->client);
	clear_buffer(&cache->unasked);
	pthread_cond_destroy(&cache->answered);
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

/* Remembers that the CA cannot be asked, and what to ask it again. */
static void remember_failure(struct status_cache *cache, struct bytes der,
			     const struct fault *failure)
{
	clear_buffer(&cache->unasked);
	append_bytes(&cache->unasked, der);
	if (!cache->unasked.failed)
		cache->failure = *failure;
}

/* Asks the CA, without the lock, which the caller holds before and after. */
static int ask_unlocked(struct status_cache *cache, struct bytes der, int64_t now_s,
			struct status_answer *ret_answer, struct fault *fault)
{
	struct fault failure = {0};
	int result;

	cache->asking = true;
	pthread_mutex_unlock(&cache->lock);
	result = ask_status(cache->client, der, now_s, ret_answer, &failure);
	pthread_mutex_lock(&cache->lock);
	cache->asking = false;
	if (failure.class == FAULT_UNREACHABLE)
		remember_failure(cache, der, &failure);
	pthread_cond_broadcast(&cache->answered);
	return result < 0 ? pass_fault(&failure, fault) : 0;
}

/* The cached answer if it is fresh, or else a new one from the CA. The caller holds the lock. */
static int find_or_ask_status(struct status_cache *cache, struct bytes der, int64_t now_s,
			      struct status_answer *ret_answer, struct fault *fault)
{
	struct cached_status *slot;
	uint8_t sha256[SHA256_LEN];

	digest_sha256(der, sha256);
	slot = &cache->slots[(sha256[0] << 8 | sha256[1]) % SLOT_COUNT];
	while (!is_fresh(slot, sha256, now_s) && cache->asking)
		pthread_cond_wait(&cache->answered, &cache->lock);
	if (!is_fresh(slot, sha256, now_s)) {
		struct status_answer answer;

		if (cache->failure.class != FAULT_NONE)
			return pass_fault(&cache->failure, fault);
		if (ask_unlocked(cache, der, now_s, &answer, fault) < 0)
			return -1;
		*slot = (struct cached_status){.used = true, .asked_at_s = now_s, .answer = answer};
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
