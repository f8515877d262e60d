#include "common/pool/messages/certificate_memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum { BUCKET_COUNT = 2048, PART_COUNT = 4096 };

struct remembered {
	char peer[NAME_SIZE];
	uint8_t sha256[SHA256_LEN]; /* of the first certificate */
	struct buffer chain[CHAIN_MAX];
	size_t chain_count;
	int64_t used_s;
	LIST_ENTRY(remembered) in_bucket;
	TAILQ_ENTRY(remembered) in_order;
};

LIST_HEAD(remembered_bucket, remembered);
TAILQ_HEAD(remembered_order, remembered);

struct certificate_memory {
	pthread_mutex_t lock; /* for all below */
	size_t count;
	uint16_t part_counts[PART_COUNT]; /* by the hash of the peer's name */
	struct remembered_bucket buckets[BUCKET_COUNT];
	struct remembered_order order; /* the most recently used first */
};

int new_certificate_memory(struct certificate_memory **ret_memory, struct fault *fault)
{
	struct certificate_memory *memory = calloc(1, sizeof(*memory));

	if (memory == NULL)
		return set_memory_fault(fault);
	pthread_mutex_init(&memory->lock, NULL);
	TAILQ_INIT(&memory->order);
	*ret_memory = memory;
	return 0;
}

/* FNV-1a: the names are the CA's, not an attacker's. */
static uint16_t *find_part(struct certificate_memory *memory, const char *peer)
{
	uint32_t hash = 2166136261;

	for (const char *octet = peer; *octet != '\0'; octet++)
		hash = (hash ^ (uint8_t)*octet) * 16777619;
	return &memory->part_counts[hash % PART_COUNT];
}

static struct remembered_bucket *find_bucket(struct certificate_memory *memory,
					     const uint8_t sha256[static SHA256_LEN])
{
	return &memory->buckets[(sha256[0] << 8 | sha256[1]) % BUCKET_COUNT];
}

static void free_remembered(struct remembered **entry_pointer)
{
	struct remembered *entry = TAKE(*entry_pointer);

	if (entry == NULL)
		return;
	for (size_t i = 0; i < CHAIN_MAX; i++)
		clear_buffer(&entry->chain[i]);
	free(entry);
}

/* The caller of the functions from here to drop_unused holds the lock. */
static void drop(struct certificate_memory *memory, struct remembered *entry)
{
	LIST_REMOVE(entry, in_bucket);
	TAILQ_REMOVE(&memory->order, entry, in_order);
	memory->count--;
	(*find_part(memory, entry->peer))--;
	free_remembered(&entry);
}

/* NULL: not remembered. */
static struct remembered *find(struct certificate_memory *memory, const char *peer,
			       const uint8_t sha256[static SHA256_LEN])
{
	struct remembered *each;

	LIST_FOREACH(each, find_bucket(memory, sha256), in_bucket)
	if (memcmp(each->sha256, sha256, SHA256_LEN) == 0 && strcmp(each->peer, peer) == 0)
		return each;
	return NULL;
}

/* Also what was used in a time to come, before the clock was set back. */
static void drop_unused(struct certificate_memory *memory, int64_t now_s)
{
	struct remembered *last = TAILQ_LAST(&memory->order, remembered_order);

	while (last != NULL && llabs(now_s - last->used_s) > REMEMBERED_S) {
		drop(memory, last);
		last = TAILQ_LAST(&memory->order, remembered_order);
	}
}

void free_certificate_memory(struct certificate_memory **memory_pointer)
{
	struct certificate_memory *memory = TAKE(*memory_pointer);

	if (memory == NULL)
		return;
	while (!TAILQ_EMPTY(&memory->order))
		drop(memory, TAILQ_FIRST(&memory->order));
	pthread_mutex_destroy(&memory->lock);
	free(memory);
}

/* NULL: out of memory, or the certificates are too large. */
static struct remembered *new_remembered(const char *peer, const struct signed_message *message,
					 const uint8_t sha256[static SHA256_LEN])
{
	CLEANUP(free_remembered) struct remembered *entry = NULL;
	size_t octets = 0;

	for (size_t i = 0; i < message->chain_count; i++)
		octets += message->chain[i].len;
	if (octets > REMEMBERED_OCTETS)
		return NULL;
	entry = calloc(1, sizeof(*entry));
	if (entry == NULL)
		return NULL;
	memcpy(entry->peer, peer, strlen(peer) + 1);
	memcpy(entry->sha256, sha256, SHA256_LEN);
	entry->chain_count = message->chain_count;
	for (size_t i = 0; i < message->chain_count; i++) {
		append_bytes(&entry->chain[i], bytes_of_buffer(&message->chain[i]));
		if (entry->chain[i].failed)
			return NULL;
	}
	return TAKE(entry);
}

static bool same_chain(const struct remembered *entry, const struct signed_message *message)
{
	if (entry->chain_count != message->chain_count)
		return false;
	for (size_t i = 0; i < entry->chain_count; i++)
		if (!equal_bytes(bytes_of_buffer(&entry->chain[i]),
				 bytes_of_buffer(&message->chain[i])))
			return false;
	return true;
}

/* Without an entry if there is no room. The caller of this function and the next holds the lock. */
static struct remembered *add(struct certificate_memory *memory, const char *peer,
			      const struct signed_message *message,
			      const uint8_t sha256[static SHA256_LEN])
{
	uint16_t *part = find_part(memory, peer);
	struct remembered *entry;

	if (memory->count >= REMEMBERED_MAX || *part >= REMEMBERED_PER_PEER)
		return NULL;
	entry = new_remembered(peer, message, sha256);
	if (entry == NULL)
		return NULL;
	LIST_INSERT_HEAD(find_bucket(memory, sha256), entry, in_bucket);
	TAILQ_INSERT_HEAD(&memory->order, entry, in_order);
	memory->count++;
	(*part)++;
	return entry;
}

static void mark_used(struct certificate_memory *memory, struct remembered *entry, int64_t now_s)
{
	entry->used_s = now_s;
	TAILQ_REMOVE(&memory->order, entry, in_order);
	TAILQ_INSERT_HEAD(&memory->order, entry, in_order);
}

bool remember_certificate(struct certificate_memory *memory, const char *peer,
			  const struct signed_message *message, int64_t now_s)
{
	uint8_t sha256[SHA256_LEN];
	struct remembered *entry;

	digest_sha256(bytes_of_buffer(&message->chain[0]), sha256);
	pthread_mutex_lock(&memory->lock);
	drop_unused(memory, now_s);
	entry = find(memory, peer, sha256);
	if (entry != NULL && !same_chain(entry, message)) {
		drop(memory, entry);
		entry = NULL;
	}
	if (entry == NULL)
		entry = add(memory, peer, message, sha256);
	if (entry != NULL)
		mark_used(memory, entry, now_s);
	pthread_mutex_unlock(&memory->lock);
	return entry != NULL;
}

int recall_certificate(struct certificate_memory *memory, const char *peer, int64_t now_s,
		       struct signed_message *message, struct fault *fault)
{
	struct remembered *entry;
	int result = 0;

	pthread_mutex_lock(&memory->lock);
	drop_unused(memory, now_s);
	entry = find(memory, peer, message->sha256);
	if (entry != NULL) {
		mark_used(memory, entry, now_s);
		for (size_t i = 0; i < entry->chain_count && result == 0; i++) {
			append_bytes(&message->chain[i], bytes_of_buffer(&entry->chain[i]));
			result = check_buffer(&message->chain[i], fault);
		}
		message->chain_count = entry->chain_count;
	}
	pthread_mutex_unlock(&memory->lock);
	return result;
}

void init_known_certificates(struct known_certificates *known)
{
	*known = (struct known_certificates){.lock = PTHREAD_MUTEX_INITIALIZER};
}

void clear_known_certificates(struct known_certificates *known)
{
	pthread_mutex_destroy(&known->lock);
}

bool is_known_certificate(struct known_certificates *known, size_t member,
			  const uint8_t sha256[static SHA256_LEN])
{
	bool same;

	pthread_mutex_lock(&known->lock);
	same = memcmp(known->sha256[member % KNOWN_MAX], sha256, SHA256_LEN) == 0;
	pthread_mutex_unlock(&known->lock);
	return same;
}

void note_known_certificate(struct known_certificates *known, size_t member,
			    const uint8_t sha256[static SHA256_LEN], bool remembered)
{
	static const uint8_t none[SHA256_LEN];
	uint8_t *slot = known->sha256[member % KNOWN_MAX];

	pthread_mutex_lock(&known->lock);
	if (remembered || memcmp(slot, sha256, SHA256_LEN) == 0)
		memcpy(slot, remembered ? sha256 : none, SHA256_LEN);
	pthread_mutex_unlock(&known->lock);
}
