#include "common/pool/messages/chain_cache.h"

#include "common/base/file.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKET_COUNT = 1024 };

LIST_HEAD(bucket, presented_chain);
TAILQ_HEAD(order, presented_chain);

/* Which roots, and by which intermediates, chains are verified. */
struct trusted {
	struct roots roots;
	struct intermediates known;
	struct trusted *before; /* kept: paths of chains that are in use end at its roots */
};

struct chain_cache {
	_Atomic(struct trusted *) trusted;
	size_t max_count;
	pthread_mutex_t lock;   /* for all below */
	struct stat root_state; /* of the files of `trusted`; zeroed: not looked at yet */
	struct stat known_state;
	size_t count;
	struct bucket buckets[BUCKET_COUNT];
	struct order order; /* the most recently used first */
};

void release_presented_chain(struct presented_chain **chain_pointer)
{
	struct presented_chain *chain = TAKE(*chain_pointer);

	if (chain == NULL || atomic_fetch_sub(&chain->references, 1) > 1)
		return;
	for (size_t i = 0; i < chain->count; i++)
		free_certificate(&chain->certificates[i]);
	free(chain);
}

static int new_trusted(struct roots *roots, struct intermediates *known,
		       struct trusted **ret_trusted, struct fault *fault)
{
	struct trusted *trusted = calloc(1, sizeof(*trusted));

	if (trusted == NULL) {
		clear_roots(roots);
		clear_intermediates(known);
		return set_memory_fault(fault);
	}
	MOVE(&trusted->roots, *roots);
	MOVE(&trusted->known, *known);
	*ret_trusted = trusted;
	return 0;
}

static void free_trusted(struct trusted *trusted)
{
	while (trusted != NULL) {
		struct trusted *before = trusted->before;

		clear_roots(&trusted->roots);
		clear_intermediates(&trusted->known);
		free(trusted);
		trusted = before;
	}
}

int new_chain_cache(struct roots *roots, struct intermediates *known, size_t max_count,
		    struct chain_cache **ret_cache, struct fault *fault)
{
	struct chain_cache *cache = NULL;
	struct trusted *trusted = NULL;

	if (new_trusted(roots, known, &trusted, fault) < 0)
		return -1;
	cache = calloc(1, sizeof(*cache));
	if (cache == NULL) {
		free_trusted(trusted);
		return set_memory_fault(fault);
	}
	pthread_mutex_init(&cache->lock, NULL);
	TAILQ_INIT(&cache->order);
	atomic_init(&cache->trusted, trusted);
	cache->max_count = max_count;
	*ret_cache = cache;
	return 0;
}

/* The caller holds the lock. */
static void drop_chain(struct chain_cache *cache, struct presented_chain *chain)
{
	LIST_REMOVE(chain, in_bucket);
	TAILQ_REMOVE(&cache->order, chain, in_order);
	cache->count--;
	release_presented_chain(&chain);
}

static void drop_all(struct chain_cache *cache)
{
	while (!TAILQ_EMPTY(&cache->order))
		drop_chain(cache, TAILQ_FIRST(&cache->order));
}

/* A file that is not there has a zeroed state. */
static struct stat read_state(const struct layout *layout, const char *name)
{
	struct stat state;

	if (fstatat(layout->cert, name, &state, AT_SYMLINK_NOFOLLOW) < 0)
		state = (struct stat){0};
	return state;
}

/* The caller holds the lock. */
static int reload(struct chain_cache *cache, const struct layout *layout, struct fault *fault)
{
	CLEANUP(clear_roots) struct roots roots = {0};
	CLEANUP(clear_intermediates) struct intermediates known = {0};
	struct trusted *trusted;

	if (read_roots(layout, &roots, fault) < 0 ||
	    read_intermediates(layout, &known, fault) < 0 ||
	    new_trusted(&roots, &known, &trusted, fault) < 0)
		return -1;
	trusted->before = atomic_load(&cache->trusted);
	atomic_store(&cache->trusted, trusted);
	drop_all(cache);
	return 0;
}

int refresh_trust(struct chain_cache *cache, const struct layout *layout, struct fault *fault)
{
	/* Before the files are read, so that a change in between is noticed on the next use. */
	struct stat root = read_state(layout, ROOT_FILE);
	struct stat known = read_state(layout, INTERMEDIATES_FILE);
	int result = 0;

	pthread_mutex_lock(&cache->lock);
	if (!same_file_state(&root, &cache->root_state) ||
	    !same_file_state(&known, &cache->known_state)) {
		result = reload(cache, layout, fault);
		/* A failure of this process may pass; other ones are said once. */
		if (result == 0 || fault->class != FAULT_FAILED) {
			cache->root_state = root;
			cache->known_state = known;
		}
	}
	pthread_mutex_unlock(&cache->lock);
	return result;
}

void free_chain_cache(struct chain_cache **cache_pointer)
{
	struct chain_cache *cache = TAKE(*cache_pointer);

	if (cache == NULL)
		return;
	drop_all(cache);
	free_trusted(atomic_load(&cache->trusted));
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

/* The digest of the certificates' digests, in their order: the cache's key. */
static void digest_chain(const struct signed_message *message,
			 uint8_t ret_sha256[static SHA256_LEN])
{
	uint8_t digests[CHAIN_MAX][SHA256_LEN];

	for (size_t i = 0; i < message->chain_count; i++)
		digest_sha256(bytes_of_buffer(&message->chain[i]), digests[i]);
	digest_sha256((struct bytes){digests[0], message->chain_count * SHA256_LEN}, ret_sha256);
}

static struct bucket *find_bucket(struct chain_cache *cache,
				  const uint8_t sha256[static SHA256_LEN])
{
	return &cache->buckets[(sha256[0] << 8 | sha256[1]) % BUCKET_COUNT];
}

/* The caller holds the lock. NULL: not cached. */
static struct presented_chain *find_chain(struct chain_cache *cache,
					  const uint8_t sha256[static SHA256_LEN])
{
	struct presented_chain *each;

	LIST_FOREACH(each, find_bucket(cache, sha256), in_bucket)
	if (memcmp(each->sha256, sha256, SHA256_LEN) == 0)
		return each;
	return NULL;
}

/* The cached chain, referenced and marked as used; NULL: not cached, or not valid at that time. */
static struct presented_chain *
find_valid_chain(struct chain_cache *cache, const uint8_t sha256[static SHA256_LEN], int64_t now_s)
{
	struct presented_chain *chain;

	pthread_mutex_lock(&cache->lock);
	chain = find_chain(cache, sha256);
	if (chain != NULL && (now_s < chain->valid_from_s || now_s > chain->valid_until_s))
		chain = NULL;
	if (chain != NULL) {
		TAILQ_REMOVE(&cache->order, chain, in_order);
		TAILQ_INSERT_HEAD(&cache->order, chain, in_order);
		atomic_fetch_add(&chain->references, 1);
	}
	pthread_mutex_unlock(&cache->lock);
	return chain;
}

/* Unless other roots are trusted by now than those by which it was verified. */
static void cache_chain(struct chain_cache *cache, const struct trusted *trusted,
			struct presented_chain *chain)
{
	struct presented_chain *old;

	pthread_mutex_lock(&cache->lock);
	if (trusted != atomic_load(&cache->trusted)) {
		pthread_mutex_unlock(&cache->lock);
		return;
	}
	/* Another thread may have cached the same chain meanwhile. */
	old = find_chain(cache, chain->sha256);
	if (old == NULL && cache->count >= cache->max_count)
		old = TAILQ_LAST(&cache->order, order);
	if (old != NULL)
		drop_chain(cache, old);
	atomic_fetch_add(&chain->references, 1);
	LIST_INSERT_HEAD(find_bucket(cache, chain->sha256), chain, in_bucket);
	TAILQ_INSERT_HEAD(&cache->order, chain, in_order);
	cache->count++;
	pthread_mutex_unlock(&cache->lock);
}

/*
 * A certificate of the signer that cannot be parsed makes the verdict invalid, and *ret_chain stays
 * NULL. Any other one is left out: there may be a path without it.
 */
static int parse_chain(const struct signed_message *message, struct presented_chain **ret_chain,
		       struct verdict *verdict, struct fault *fault)
{
	CLEANUP(release_presented_chain) struct presented_chain *chain = calloc(1, sizeof(*chain));

	if (chain == NULL)
		return set_memory_fault(fault);
	atomic_init(&chain->references, 1);
	for (size_t i = 0; i < message->chain_count; i++) {
		struct fault problem = {0};

		if (parse_certificate_der(bytes_of_buffer(&message->chain[i]),
					  &chain->certificates[chain->count], &problem) == 0) {
			chain->count++;
			continue;
		}
		if (pass_failure(&problem, fault) < 0)
			return -1;
		if (i > 0)
			continue;
		reject_because(verdict, "x5c: certificate 1: %s", problem.text);
		return 0;
	}
	*ret_chain = TAKE(chain);
	return 0;
}

static int verify_parsed_chain(const struct trusted *trusted, struct presented_chain *chain,
			       int64_t now_s, struct verdict *verdict, struct fault *fault)
{
	const struct certificate *const *certificates =
		(const struct certificate *const *)chain->certificates;
	const struct certificate *above[CHAIN_MAX + INTERMEDIATES_MAX];
	struct trust trust = {
		.root = trusted->roots.root, .next_root = trusted->roots.next, .usage = USE_SIGN};

	for (size_t i = 1; i < chain->count; i++)
		above[trust.intermediate_count++] = certificates[i];
	for (size_t i = 0; i < trusted->known.count && trust.intermediate_count < INTERMEDIATES_MAX;
	     i++)
		above[trust.intermediate_count++] = trusted->known.certificates[i];
	trust.intermediates = above;
	if (verify_chain(&trust, certificates[0], now_s, &chain->path, verdict, fault) < 0)
		return -1;
	chain->valid_from_s = INT64_MIN;
	chain->valid_until_s = INT64_MAX;
	for (size_t i = 0; i < chain->path.count; i++) {
		const struct certificate *step = chain->path.steps[i];

		if (certificate_not_before(step) > chain->valid_from_s)
			chain->valid_from_s = certificate_not_before(step);
		if (certificate_not_after(step) < chain->valid_until_s)
			chain->valid_until_s = certificate_not_after(step);
	}
	return 0;
}

int verify_presented_chain(struct chain_cache *cache, const struct signed_message *message,
			   int64_t now_s, struct presented_chain **ret_chain,
			   struct verdict *verdict, struct fault *fault)
{
	CLEANUP(release_presented_chain) struct presented_chain *chain = NULL;
	const struct trusted *trusted = atomic_load(&cache->trusted);
	uint8_t sha256[SHA256_LEN];

	digest_chain(message, sha256);
	chain = find_valid_chain(cache, sha256, now_s);
	if (chain == NULL) {
		if (parse_chain(message, &chain, verdict, fault) < 0)
			return -1;
		if (!verdict->invalid &&
		    verify_parsed_chain(trusted, chain, now_s, verdict, fault) < 0)
			return -1;
		if (chain != NULL && !verdict->invalid) {
			memcpy(chain->sha256, sha256, SHA256_LEN);
			cache_chain(cache, trusted, chain);
		}
	}
	*ret_chain = TAKE(chain);
	return 0;
}
