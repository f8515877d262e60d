#include "common/ca/service/seen_requests.h"

#include "common/wire/claims.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 1024, US_PER_S = 1000000 };

/* The clock of a request may be ahead by one window, and it is fresh for one more. */
_Static_assert(SEEN_S >= 2 * FRESHNESS_WINDOW_S, "remembered for as long as it is fresh");

static void clear_set(struct seen_set *set)
{
	free(set->places);
	*set = (struct seen_set){0};
}

void init_seen_requests(struct seen_requests *seen)
{
	*seen = (struct seen_requests){0};
	pthread_mutex_init(&seen->lock, NULL);
}

void clear_seen_requests(struct seen_requests *seen)
{
	clear_set(&seen->recent);
	clear_set(&seen->before);
	pthread_mutex_destroy(&seen->lock);
}

/* The JWE up to its second dot: header and encrypted key. */
static struct bytes cut_key(struct bytes jwe)
{
	const uint8_t *dot = jwe.len > 0 ? memchr(jwe.data, '.', jwe.len) : NULL;

	if (dot != NULL)
		dot = memchr(dot + 1, '.', jwe.len - (size_t)(dot + 1 - jwe.data));
	return dot != NULL ? (struct bytes){jwe.data, (size_t)(dot - jwe.data)} : jwe;
}

static uint64_t cut_digest(const uint8_t sha256[static SHA256_LEN])
{
	uint64_t digest;

	memcpy(&digest, sha256, sizeof(digest));
	return digest != 0 ? digest : 1;
}

static uint64_t digest_key(struct bytes jwe)
{
	uint8_t sha256[SHA256_LEN];

	digest_sha256(cut_key(jwe), sha256);
	return cut_digest(sha256);
}

/* The place of the digest, or the empty one that it would take. The set has one. */
static uint64_t *find_place(const struct seen_set *set, uint64_t digest)
{
	size_t at = (size_t)digest & (set->size - 1);

	while (set->places[at] != 0 && set->places[at] != digest)
		at = (at + 1) & (set->size - 1);
	return &set->places[at];
}

static bool is_in_set(const struct seen_set *set, uint64_t digest)
{
	return set->size > 0 && *find_place(set, digest) == digest;
}

/* Doubles a set that is half full. False: no memory. */
static bool make_room(struct seen_set *set)
{
	struct seen_set larger = {.size = set->size > 0 ? 2 * set->size : FIRST_SIZE};

	if (set->count < set->size / 2)
		return true;
	larger.places = calloc(larger.size, sizeof(*larger.places));
	if (larger.places == NULL)
		return false;
	for (size_t i = 0; i < set->size; i++)
		if (set->places[i] != 0)
			*find_place(&larger, set->places[i]) = set->places[i];
	larger.count = set->count;
	free(set->places);
	*set = larger;
	return true;
}

/* The lock is held. */
static void forget_old(struct seen_requests *seen, int64_t now_us)
{
	int64_t age_us = now_us - seen->recent_us;

	if (age_us < (int64_t)SEEN_S * US_PER_S && seen->recent.count < SEEN_MAX)
		return;
	clear_set(&seen->before);
	/* Nothing of a set that was begun so long ago can be fresh. */
	if (age_us >= (int64_t)2 * SEEN_S * US_PER_S)
		clear_set(&seen->recent);
	seen->before = seen->recent;
	seen->recent = (struct seen_set){0};
	seen->recent_us = now_us;
}

static bool find_digest(struct seen_requests *seen, uint64_t digest, int64_t now_us)
{
	bool found;

	pthread_mutex_lock(&seen->lock);
	forget_old(seen, now_us);
	found = is_in_set(&seen->recent, digest) || is_in_set(&seen->before, digest);
	pthread_mutex_unlock(&seen->lock);
	return found;
}

bool has_seen(struct seen_requests *seen, struct bytes jwe, int64_t now_us)
{
	return find_digest(seen, digest_key(jwe), now_us);
}

bool has_seen_whole(struct seen_requests *seen, const uint8_t sha256[static SHA256_LEN],
		    int64_t now_us)
{
	return find_digest(seen, cut_digest(sha256), now_us);
}

/* The lock is held. */
static void add_digest(struct seen_set *set, uint64_t digest)
{
	uint64_t *place;

	if (!make_room(set))
		return;
	place = find_place(set, digest);
	set->count += *place == 0;
	*place = digest;
}

void remember_request(struct seen_requests *seen, struct bytes jwe,
		      const uint8_t sha256[static SHA256_LEN], int64_t now_us)
{
	uint64_t digest = digest_key(jwe);

	pthread_mutex_lock(&seen->lock);
	forget_old(seen, now_us);
	add_digest(&seen->recent, digest);
	add_digest(&seen->recent, cut_digest(sha256));
	pthread_mutex_unlock(&seen->lock);
}
