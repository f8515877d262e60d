#include "common/ca/revocation/ocsp_cache.h"

#include "common/crypto/digest.h"
#include "common/x509/revocation/ocsp_verify.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct cache_entry {
	uint8_t cert_id_sha256[SHA256_LEN];
	struct cached_answer answer; /* der empty: the entry is free */
};

struct ocsp_cache {
	pthread_mutex_t lock;
	struct cache_entry entries[OCSP_CACHE_ENTRIES];
};

int new_ocsp_cache(struct ocsp_cache **ret_cache, struct fault *fault)
{
	struct ocsp_cache *cache = calloc(1, sizeof(*cache));

	if (cache == NULL)
		return set_memory_fault(fault);
	pthread_mutex_init(&cache->lock, NULL);
	*ret_cache = cache;
	return 0;
}

void free_ocsp_cache(struct ocsp_cache **cache_pointer)
{
	struct ocsp_cache *cache = TAKE(*cache_pointer);

	if (cache == NULL)
		return;
	for (size_t i = 0; i < OCSP_CACHE_ENTRIES; i++)
		clear_buffer(&cache->entries[i].answer.der);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

/* A client can aim at an entry, and gains nothing but that its answer is signed again. */
static struct cache_entry *choose_entry(struct ocsp_cache *cache,
					const uint8_t sha256[static SHA256_LEN])
{
	return &cache->entries[(sha256[0] << 8 | sha256[1]) % OCSP_CACHE_ENTRIES];
}

static bool is_current(const struct cached_answer *answer, int64_t revision, int64_t now_s)
{
	int64_t validity_s = answer->next_update_s - answer->this_update_s;

	return answer->der.len > 0 && answer->revision == revision &&
	       answer->this_update_s <= now_s + OCSP_SKEW_S &&
	       now_s - answer->this_update_s < validity_s / 2;
}

int find_cached_answer(struct ocsp_cache *cache, struct bytes cert_id, int64_t revision,
		       int64_t now_s, struct cached_answer *ret_answer, bool *ret_found,
		       struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer copy = {0};
	struct cached_answer answer = {0};
	uint8_t sha256[SHA256_LEN];
	const struct cache_entry *entry;
	bool found;

	digest_sha256(cert_id, sha256);
	entry = choose_entry(cache, sha256);
	pthread_mutex_lock(&cache->lock);
	found = memcmp(entry->cert_id_sha256, sha256, SHA256_LEN) == 0 &&
		is_current(&entry->answer, revision, now_s);
	if (found) {
		append_bytes(&copy, bytes_of_buffer(&entry->answer.der));
		answer = entry->answer;
	}
	pthread_mutex_unlock(&cache->lock);
	if (check_buffer(&copy, fault) < 0)
		return -1;
	answer.der = take_buffer(&copy);
	*ret_answer = answer;
	*ret_found = found;
	return 0;
}

void cache_answer(struct ocsp_cache *cache, struct bytes cert_id,
		  const struct cached_answer *answer)
{
	CLEANUP(clear_buffer) struct buffer copy = {0};
	CLEANUP(clear_buffer) struct buffer old = {0};
	uint8_t sha256[SHA256_LEN];
	struct cache_entry *entry;

	append_bytes(&copy, bytes_of_buffer(&answer->der));
	if (copy.failed)
		return;
	digest_sha256(cert_id, sha256);
	entry = choose_entry(cache, sha256);
	pthread_mutex_lock(&cache->lock);
	old = take_buffer(&entry->answer.der);
	memcpy(entry->cert_id_sha256, sha256, SHA256_LEN);
	entry->answer = *answer;
	entry->answer.der = take_buffer(&copy);
	pthread_mutex_unlock(&cache->lock);
}
