#include "common/pool/messages/chain_cache.h"

#include "common/x509/chain.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKET_COUNT = 1024 };

LIST_HEAD(bucket, presented_chain);
TAILQ_HEAD(order, presented_chain);

struct chain_cache {
	struct certificate *root;
	size_t most;
	pthread_mutex_t lock; /* for all below */
	size_t count;
	struct bucket buckets[BUCKET_COUNT];
	struct order order; /* what was shown last comes first */
};

void release_presented_chain(struct presented_chain **chain_pointer)
{
	struct presented_chain *chain = TAKE(*chain_pointer);

	if (chain == NULL || atomic_fetch_sub(&chain->holders, 1) > 1)
		return;
	for (size_t i = 0; i < chain->count; i++)
		free_certificate(&chain->certificates[i]);
	free(chain);
}

int new_chain_cache(struct certificate **root, size_t most, struct chain_cache **ret_verified,
		    struct fault *fault)
{
	struct chain_cache *verified = calloc(1, sizeof(*verified));

	if (verified == NULL)
		return set_memory_fault(fault);
	pthread_mutex_init(&verified->lock, NULL);
	TAILQ_INIT(&verified->order);
	verified->root = TAKE(*root);
	verified->most = most;
	*ret_verified = verified;
	return 0;
}

/* The lock is held. */
static void drop(struct chain_cache *verified, struct presented_chain *chain)
{
	LIST_REMOVE(chain, in_bucket);
	TAILQ_REMOVE(&verified->order, chain, in_order);
	verified->count--;
	release_presented_chain(&chain);
}

void free_chain_cache(struct chain_cache **verified_pointer)
{
	struct chain_cache *verified = TAKE(*verified_pointer);

	if (verified == NULL)
		return;
	while (!TAILQ_EMPTY(&verified->order))
		drop(verified, TAILQ_FIRST(&verified->order));
	free_certificate(&verified->root);
	pthread_mutex_destroy(&verified->lock);
	free(verified);
}

/* The digest of the certificates' digests, which is another for other certificates or another
   order. */
static void identify(const struct signed_message *message, uint8_t ret_sha256[static SHA256_LEN])
{
	uint8_t digests[CHAIN_MAX][SHA256_LEN];

	for (size_t i = 0; i < message->chain_count; i++)
		digest_sha256(bytes_of_buffer(&message->chain[i]), digests[i]);
	digest_sha256((struct bytes){digests[0], message->chain_count * SHA256_LEN}, ret_sha256);
}

static struct bucket *find_bucket(struct chain_cache *verified,
				  const uint8_t sha256[static SHA256_LEN])
{
	return &verified->buckets[(sha256[0] << 8 | sha256[1]) % BUCKET_COUNT];
}

/* The lock is held. */
static struct presented_chain *find_chain(struct chain_cache *verified,
					  const uint8_t sha256[static SHA256_LEN])
{
	struct presented_chain *each;

	LIST_FOREACH(each, find_bucket(verified, sha256), in_bucket)
	if (memcmp(each->sha256, sha256, SHA256_LEN) == 0)
		return each;
	return NULL;
}

/* NULL when it is not kept, or not valid at that time. */
static struct presented_chain *hold_chain(struct chain_cache *verified,
					  const uint8_t sha256[static SHA256_LEN], int64_t now_s)
{
	struct presented_chain *found;

	pthread_mutex_lock(&verified->lock);
	found = find_chain(verified, sha256);
	if (found != NULL && (now_s < found->valid_from_s || now_s > found->valid_until_s))
		found = NULL;
	if (found != NULL) {
		TAILQ_REMOVE(&verified->order, found, in_order);
		TAILQ_INSERT_HEAD(&verified->order, found, in_order);
		atomic_fetch_add(&found->holders, 1);
	}
	pthread_mutex_unlock(&verified->lock);
	return found;
}

static void keep_chain(struct chain_cache *verified, struct presented_chain *chain)
{
	struct presented_chain *old;

	pthread_mutex_lock(&verified->lock);
	/* Another thread may have verified the same meanwhile. */
	old = find_chain(verified, chain->sha256);
	if (old == NULL && verified->count >= verified->most)
		old = TAILQ_LAST(&verified->order, order);
	if (old != NULL)
		drop(verified, old);
	atomic_fetch_add(&chain->holders, 1);
	LIST_INSERT_HEAD(find_bucket(verified, chain->sha256), chain, in_bucket);
	TAILQ_INSERT_HEAD(&verified->order, chain, in_order);
	verified->count++;
	pthread_mutex_unlock(&verified->lock);
}

/* What cannot be parsed is rejected. *ret_chain stays NULL when that is the signer's. */
static int parse_chain(const struct signed_message *message, struct presented_chain **ret_chain,
		       struct verdict *verdict, struct fault *fault)
{
	CLEANUP(release_presented_chain) struct presented_chain *chain = calloc(1, sizeof(*chain));
	struct fault found = {0};

	if (chain == NULL)
		return set_memory_fault(fault);
	atomic_init(&chain->holders, 1);
	while (chain->count < message->chain_count && found.class == FAULT_NONE)
		if (parse_certificate_der(bytes_of_buffer(&message->chain[chain->count]),
					  &chain->certificates[chain->count], &found) == 0)
			chain->count++;
	if (pass_failure(&found, fault) < 0)
		return -1;
	if (found.class != FAULT_NONE)
		reject_because(verdict, "x5c: certificate %zu: %s", chain->count + 1, found.text);
	if (chain->count > 0)
		*ret_chain = TAKE(chain);
	return 0;
}

static void narrow_validity(struct presented_chain *chain, const struct certificate *certificate)
{
	if (certificate_not_before(certificate) > chain->valid_from_s)
		chain->valid_from_s = certificate_not_before(certificate);
	if (certificate_not_after(certificate) < chain->valid_until_s)
		chain->valid_until_s = certificate_not_after(certificate);
}

static int verify_parsed(const struct chain_cache *verified, struct presented_chain *chain,
			 int64_t now_s, struct verdict *verdict, struct fault *fault)
{
	const struct certificate *intermediates[CHAIN_MAX];
	const struct certificate *signer = chain->certificates[0];

	for (size_t i = 1; i < chain->count; i++)
		intermediates[i - 1] = chain->certificates[i];
	if (verify_chain(verified->root, intermediates, chain->count - 1, signer, now_s, verdict,
			 fault) < 0)
		return -1;
	if (verdict->invalid)
		return 0;
	chain->issuer = find_issuer(verified->root, intermediates, chain->count - 1, signer);
	chain->valid_from_s = certificate_not_before(verified->root);
	chain->valid_until_s = certificate_not_after(verified->root);
	for (size_t i = 0; i < chain->count; i++)
		narrow_validity(chain, chain->certificates[i]);
	return 0;
}

int verify_presented_chain(struct chain_cache *verified, const struct signed_message *message,
			   int64_t now_s, struct presented_chain **ret_chain,
			   struct verdict *verdict, struct fault *fault)
{
	CLEANUP(release_presented_chain) struct presented_chain *chain = NULL;
	uint8_t sha256[SHA256_LEN];

	identify(message, sha256);
	chain = hold_chain(verified, sha256, now_s);
	if (chain == NULL) {
		if (parse_chain(message, &chain, verdict, fault) < 0)
			return -1;
		if (!verdict->invalid && verify_parsed(verified, chain, now_s, verdict, fault) < 0)
			return -1;
		if (chain != NULL && !verdict->invalid) {
			memcpy(chain->sha256, sha256, SHA256_LEN);
			keep_chain(verified, chain);
		}
	}
	*ret_chain = TAKE(chain);
	return 0;
}
