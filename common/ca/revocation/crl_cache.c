#include "common/ca/revocation/crl_cache.h"

#include "common/base/clock.h"
#include "common/ca/revocation/recorded_crl.h"

static const int64_t pace_us = (int64_t)CRL_PACE_S * 1000000;

/* Of earlier CRLs that some clients still read. */
static const size_t retired_octets = (size_t)64 << 20;

void init_crl_cache(struct crl_cache *cache, const struct ca_crl_options *options)
{
	*cache = (struct crl_cache){.options = *options};
	cache->options.no_waiting = true;
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

void init_crl_caches(struct crl_caches *caches, const struct ca_crl_options *options,
		     const struct issuer_set *issuers)
{
	caches->options = *options;
	caches->issuers = issuers;
	extend_crl_caches(caches);
}

void extend_crl_caches(struct crl_caches *caches)
{
	unsigned int count = atomic_load(&caches->count);

	for (; count < count_issuers(caches->issuers); count++) {
		struct ca_crl_options options = caches->options;

		options.number = count + 1;
		options.issuer = get_issuer(caches->issuers, count + 1);
		init_crl_cache(&caches->caches[count], &options);
		atomic_store(&caches->count, count + 1);
	}
}

void clear_crl_caches(struct crl_caches *caches)
{
	unsigned int count = atomic_load(&caches->count);

	for (unsigned int i = 0; i < count; i++)
		clear_crl_cache(&caches->caches[i]);
	atomic_store(&caches->count, 0);
}

struct crl_cache *find_crl_cache(struct crl_caches *caches, unsigned int issuer)
{
	return issuer >= 1 && issuer <= atomic_load(&caches->count) ? &caches->caches[issuer - 1]
								    : NULL;
}

bool is_any_crl_alarmed(struct crl_caches *caches)
{
	struct crl_cache *cache;

	for (unsigned int issuer = 1; (cache = find_crl_cache(caches, issuer)) != NULL; issuer++)
		if (is_crl_alarmed(cache))
			return true;
	return false;
}

/*
 * Another process may replace the file after this one looked into the store. The body is then later
 * than info says; the next refresh sees the higher number and corrects that.
 */
static int read_body(struct crl_cache *cache, const struct crl_state *state,
		     const struct crl_info *info, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct shared_body *body = NULL;

	if (take_recorded_crl(&cache->options, state, fault) < 0 ||
	    read_crl(cache->options.layout, cache->options.number, &der, fault) < 0 ||
	    new_shared_body(&der, &body, fault) < 0)
		return -1;
	retire_shared_body(&cache->retired, retired_octets, &cache->body);
	cache->body = body;
	cache->info = *info;
	return 0;
}

static bool is_record_away(const struct fault *failure)
{
	return failure->class == FAULT_BUSY || failure->class == FAULT_INTERRUPTED;
}

static void note_made(struct crl_cache *cache, int64_t begun_us, int64_t took_us)
{
	int64_t share_us = took_us * CRL_SHARE;

	cache->made_us = begun_us;
	cache->pace_us =
		is_shared_store(cache->options.store) && share_us < pace_us ? share_us : pace_us;
}

int renew_crl(struct crl_cache *cache, int64_t now_s, struct crl_info *ret_info,
	      struct fault *fault)
{
	int64_t now_us = read_stopwatch_us();
	bool waits = cache->made_us != 0 && now_us - cache->made_us < cache->pace_us;
	struct crl_info info = {0};
	struct fault failure = {0};

	(void)!publish_crl(&cache->options, waits ? CRL_WHEN_OLD : CRL_WHEN_DUE, now_s, &info,
			   &failure);
	if (info.made)
		note_made(cache, now_us, read_stopwatch_us() - now_us);
	pthread_mutex_lock(&cache->lock);
	/* Whoever asks for the CRL finds out by itself when the record is there again. */
	if (!is_record_away(&failure))
		cache->fault = failure;
	pthread_mutex_unlock(&cache->lock);
	if (failure.class != FAULT_NONE)
		return pass_fault(&failure, fault);
	*ret_info = info;
	return 0;
}

static int set_ended(const struct crl_cache *cache, const struct crl_state *state,
		     struct fault *fault)
{
	char then[TIME_TEXT_SIZE];

	format_time(state->serves_until_s, then);
	return set_fault(
		fault, FAULT_NOT_FOUND,
		"issuer %u of this CA has no CRL any more: nothing that it issued was valid "
		"after %s",
		cache->options.number, then);
}

/* While the record cannot be reached, the CRL that was read before is served to its end. */
static bool stands_in(const struct crl_cache *cache, const struct fault *failure, int64_t now_s)
{
	return is_record_away(failure) && cache->body != NULL && now_s <= cache->info.next_update_s;
}

/* The lock is held. */
static int refresh(struct crl_cache *cache, int64_t now_s, struct fault *fault)
{
	struct fault problem = {0};
	struct crl_state state;
	struct crl_info info;

	if (cache->fault.class != FAULT_NONE ||
	    read_crl_state(cache->options.store, cache->options.number, &state, &problem) < 0) {
		const struct fault *failure =
			cache->fault.class != FAULT_NONE ? &cache->fault : &problem;

		return stands_in(cache, failure, now_s) ? 0 : pass_fault(failure, fault);
	}
	info = describe_crl(&state, now_s);
	if (info.ended)
		return set_ended(cache, &state, fault);
	if (info.number == 0)
		return set_fault(fault, FAULT_BUSY, "there is no CRL yet: try again");
	return cache->body != NULL && cache->info.number == info.number
		       ? 0
		       : read_body(cache, &state, &info, fault);
}

bool is_crl_alarmed(struct crl_cache *cache)
{
	bool alarmed;

	pthread_mutex_lock(&cache->lock);
	alarmed = cache->fault.class == FAULT_UNVERIFIED;
	pthread_mutex_unlock(&cache->lock);
	return alarmed;
}

int get_crl(struct crl_cache *cache, int64_t now_s, struct shared_body **ret_body,
	    struct crl_info *ret_info, struct fault *fault)
{
	int result;

	pthread_mutex_lock(&cache->lock);
	sweep_retired_bodies(&cache->retired);
	result = refresh(cache, now_s, fault);
	if (result == 0) {
		*ret_body = hold_shared_body(cache->body);
		*ret_info = cache->info;
	}
	pthread_mutex_unlock(&cache->lock);
	return result;
}
