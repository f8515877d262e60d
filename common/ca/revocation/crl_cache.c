#include "common/ca/revocation/crl_cache.h"

#include "common/base/clock.h"

enum { RETRY_US = 1000000 };

/* Of earlier CRLs that some clients still read. */
static const size_t retired_octets = (size_t)64 << 20;

void init_crl_cache(struct crl_cache *cache, const struct ca_crl_options *options)
{
	*cache = (struct crl_cache){.options = *options};
	pthread_mutex_init(&cache->lock, NULL);
}

void clear_crl_cache(struct crl_cache *cache)
{
	if (cache->options.store == NULL)
		return;
	release_shared_body(&cache->body);
	clear_retired_bodies(&cache->retired);
	pthread_mutex_destroy(&cache->lock);
	*cache = (struct crl_cache){0};
}

/*
 * Another process may replace the file after this one looked into the store. The body is then later
 * than info says; the next refresh sees the higher number and corrects that.
 */
static int read_body(struct crl_cache *cache, const struct crl_info *info, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct shared_body *body = NULL;

	if (read_crl(cache->options.layout, &der, fault) < 0 ||
	    new_shared_body(&der, &body, fault) < 0)
		return -1;
	retire_shared_body(&cache->retired, retired_octets, &cache->body);
	cache->body = body;
	cache->info = *info;
	return 0;
}

static int refresh(struct crl_cache *cache, int64_t now_s, struct fault *fault)
{
	struct crl_info info;

	if (publish_crl(&cache->options, CRL_WHEN_DUE, now_s, &info, fault) < 0)
		return -1;
	return cache->body != NULL && cache->info.number == info.number
		       ? 0
		       : read_body(cache, &info, fault);
}

/* Repeats the last failure until its retry is due. */
static int refresh_unless_failed(struct crl_cache *cache, int64_t now_s, struct fault *fault)
{
	if (cache->fault.class == FAULT_NONE || read_stopwatch_us() >= cache->retry_from_us) {
		cache->fault = (struct fault){0};
		if (refresh(cache, now_s, &cache->fault) == 0)
			return 0;
		cache->retry_from_us = read_stopwatch_us() + RETRY_US;
	}
	return pass_fault(&cache->fault, fault);
}

int get_crl(struct crl_cache *cache, int64_t now_s, struct shared_body **ret_body,
	    struct crl_info *ret_info, struct fault *fault)
{
	int result;

	pthread_mutex_lock(&cache->lock);
	sweep_retired_bodies(&cache->retired);
	result = refresh_unless_failed(cache, now_s, fault);
	if (result == 0) {
		*ret_body = hold_shared_body(cache->body);
		*ret_info = cache->info;
	}
	pthread_mutex_unlock(&cache->lock);
	return result;
}
