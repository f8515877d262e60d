#include "common/pool/messages/signer_cache.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/random.h"
#include "common/pool/members/survey.h"
#include "common/x509/revocation/crl_reason.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Draws from all members before the pool is searched for members that can sign. */
enum { BLIND_DRAWS = 128 };

struct signer_cache {
	const struct layout *layout;
	char client[NAME_SIZE];
	size_t before; /* members 1 … before are not drawn */
	size_t size;
	pthread_mutex_t lock; /* for the fields below */
	/* The content and the state of the file state/revoked; a zeroed state: there is none. */
	struct known_revocations revocations;
	struct stat revocations_state;
	/* A member has one slot; a later member of the same slot displaces it. */
	struct signer *slots[SIGNERS_MAX];
};

void release_signer(struct signer **signer_pointer)
{
	struct signer *signer = TAKE(*signer_pointer);

	if (signer == NULL || atomic_fetch_sub(&signer->references, 1) > 1)
		return;
	clear_member(&signer->member);
	free(signer);
}

int new_signer_cache(const struct layout *layout, const char *client, size_t size,
		     struct signer_cache **ret_cache, struct fault *fault)
{
	struct signer_cache *cache = calloc(1, sizeof(*cache));

	if (cache == NULL)
		return set_memory_fault(fault);
	pthread_mutex_init(&cache->lock, NULL);
	cache->layout = layout;
	(void)snprintf(cache->client, sizeof(cache->client), "%s", client);
	cache->size = size;
	*ret_cache = cache;
	return 0;
}

void free_signer_cache(struct signer_cache **cache_pointer)
{
	struct signer_cache *cache = TAKE(*cache_pointer);

	if (cache == NULL)
		return;
	for (size_t i = 0; i < SIGNERS_MAX; i++)
		release_signer(&cache->slots[i]);
	clear_known_revocations(&cache->revocations);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

void resize_signer_cache(struct signer_cache *cache, size_t size)
{
	cache->size = size;
}

void draw_signers_from(struct signer_cache *cache, size_t first)
{
	cache->before = first - 1;
}

/* False if stat fails on a file: reading the file will give the reason. */
static bool read_states(const struct layout *layout, size_t index, struct stat *ret_certificate,
			struct stat *ret_key)
{
	char certificate[FILE_NAME_SIZE];
	char key[FILE_NAME_SIZE];

	name_certificate(index, certificate);
	name_private_key(index, key);
	return fstatat(layout->cert, certificate, ret_certificate, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstatat(layout->private, key, ret_key, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool is_unchanged(const struct layout *layout, const struct signer *signer)
{
	struct stat certificate;
	struct stat key;

	return read_states(layout, signer->member.index, &certificate, &key) &&
	       same_file_state(&certificate, &signer->certificate_state) &&
	       same_file_state(&key, &signer->key_state);
}

/* The cached member, referenced; NULL: not cached, not valid now, or its files have changed. */
static struct signer *find_valid_signer(struct signer_cache *cache, size_t index, int64_t now_s)
{
	CLEANUP(release_signer) struct signer *signer = NULL;

	pthread_mutex_lock(&cache->lock);
	signer = cache->slots[index % SIGNERS_MAX];
	if (signer != NULL)
		atomic_fetch_add(&signer->references, 1);
	pthread_mutex_unlock(&cache->lock);
	if (signer == NULL || signer->member.index != index ||
	    !is_valid_at(signer->member.certificate, now_s) || !is_unchanged(cache->layout, signer))
		return NULL;
	return TAKE(signer);
}

static void cache_signer(struct signer_cache *cache, struct signer *signer)
{
	struct signer **slot = &cache->slots[signer->member.index % SIGNERS_MAX];
	struct signer *old;

	atomic_fetch_add(&signer->references, 1);
	pthread_mutex_lock(&cache->lock);
	old = *slot;
	*slot = signer;
	pthread_mutex_unlock(&cache->lock);
	release_signer(&old);
}

/* Reads state/revoked, if it has changed since it was read. The caller holds the lock. */
static int update_revocations(struct signer_cache *cache, struct fault *fault)
{
	struct known_revocations revocations = {0};
	struct stat state = {0};

	if (fstatat(cache->layout->state, REVOKED_FILE, &state, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return set_errno_fault(fault, "%s/state/" REVOKED_FILE,
					       cache->layout->path);
		state = (struct stat){0};
	}
	if (same_file_state(&state, &cache->revocations_state))
		return 0;
	if (read_known_revocations(cache->layout, cache->client, &revocations, fault) < 0)
		return -1;
	clear_known_revocations(&cache->revocations);
	cache->revocations = revocations;
	cache->revocations_state = state;
	return 0;
}

/* *ret_revocation is a copy; *ret_revoked false: the member's certificate is not known to be
   revoked, or signer is NULL. */
static int look_revocation_up(struct signer_cache *cache, const struct signer *signer,
			      bool *ret_revoked, struct known_revocation *ret_revocation,
			      struct fault *fault)
{
	const struct known_revocation *revocation = NULL;
	int result;

	pthread_mutex_lock(&cache->lock);
	result = update_revocations(cache, fault);
	if (result == 0 && signer != NULL)
		revocation = find_known_revocation(&cache->revocations,
						   certificate_serial(signer->member.certificate));
	*ret_revoked = revocation != NULL;
	if (revocation != NULL)
		*ret_revocation = *revocation;
	pthread_mutex_unlock(&cache->lock);
	return result;
}

typedef int open_function(const struct layout *layout, const char *client, size_t index,
			  int64_t now_s, struct member *ret_member, struct fault *fault);

/* The cached member, or else one from `open`; *ret_signer stays NULL if `open` found no member. */
static int find_or_open_signer(struct signer_cache *cache, size_t index, int64_t now_s,
			       open_function *open, struct signer **ret_signer, struct fault *fault)
{
	CLEANUP(release_signer) struct signer *signer = find_valid_signer(cache, index, now_s);
	bool has_states;

	if (signer == NULL) {
		signer = calloc(1, sizeof(*signer));
		if (signer == NULL)
			return set_memory_fault(fault);
		atomic_init(&signer->references, 1);
		/* Before the files are read, so that a change in between is noticed on the next
		   use. */
		has_states = read_states(cache->layout, index, &signer->certificate_state,
					 &signer->key_state);
		if (open(cache->layout, cache->client, index, now_s, &signer->member, fault) < 0)
			return -1;
		if (signer->member.certificate == NULL)
			return 0;
		if (has_states)
			cache_signer(cache, signer);
	}
	*ret_signer = TAKE(signer);
	return 0;
}

int open_signer(struct signer_cache *cache, size_t index, int64_t now_s, struct signer **ret_signer,
		struct fault *fault)
{
	CLEANUP(release_signer) struct signer *signer = NULL;
	struct known_revocation revocation;
	char revoked_at[TIME_TEXT_SIZE];
	bool revoked;

	if (find_or_open_signer(cache, index, now_s, open_member, &signer, fault) < 0 ||
	    look_revocation_up(cache, signer, &revoked, &revocation, fault) < 0)
		return -1;
	if (revoked) {
		format_time(revocation.revoked_at_s, revoked_at);
		return set_fault(fault, FAULT_REFUSED,
				 "member %zu of %s: its certificate was revoked at %s (%s): use "
				 "another member, or run certpool keep %s",
				 index, cache->client, revoked_at,
				 format_crl_reason(revocation.reason), cache->client);
	}
	*ret_signer = TAKE(signer);
	return 0;
}

int open_signer_if_usable(struct signer_cache *cache, size_t index, int64_t now_s,
			  struct signer **ret_signer, struct fault *fault)
{
	CLEANUP(release_signer) struct signer *signer = NULL;
	struct known_revocation revocation;
	bool revoked;

	if (find_or_open_signer(cache, index, now_s, open_member_if_valid, &signer, fault) < 0 ||
	    look_revocation_up(cache, signer, &revoked, &revocation, fault) < 0)
		return -1;
	if (!revoked)
		*ret_signer = TAKE(signer);
	return 0;
}

/* The members that a draw is among: those that can sign and pass the filter, if there is one. */
struct draw_options {
	signer_filter *filter;
	const void *context;
};

static int open_if_drawable(struct signer_cache *cache, const struct draw_options *options,
			    size_t index, int64_t now_s, struct signer **ret_signer,
			    struct fault *fault)
{
	if (options->filter != NULL && !options->filter(options->context, index))
		return 0;
	return open_signer_if_usable(cache, index, now_s, ret_signer, fault);
}

/* Draws from all members until one can sign; *ret_signer stays NULL after BLIND_DRAWS misses. */
static int draw_blindly(struct signer_cache *cache, const struct draw_options *options,
			int64_t now_s, struct signer **ret_signer, struct fault *fault)
{
	for (int i = 0; i < BLIND_DRAWS && *ret_signer == NULL; i++) {
		uint64_t draw;

		if (draw_below(cache->size - cache->before, &draw, fault) < 0 ||
		    open_if_drawable(cache, options, cache->before + (size_t)draw + 1, now_s,
				     ret_signer, fault) < 0)
			return -1;
	}
	return 0;
}

/* Appends the indices of the members that can sign to the list, each as a size_t. */
static int list_signers(struct signer_cache *cache, const struct draw_options *options,
			int64_t now_s, struct buffer *list, struct fault *fault)
{
	for (size_t index = cache->before + 1; index <= cache->size; index++) {
		CLEANUP(release_signer) struct signer *signer = NULL;

		if (open_if_drawable(cache, options, index, now_s, &signer, fault) < 0)
			return -1;
		if (signer != NULL)
			append_bytes(list, (struct bytes){(const uint8_t *)&index, sizeof(index)});
	}
	return check_buffer(list, fault);
}

/* Says what the members lack, and the verb that helps. */
static int refuse_to_draw(struct signer_cache *cache, int64_t now_s, struct fault *fault)
{
	struct client_node client = {.pool = {.size = cache->size}};
	struct pool_summary summary;
	int result;

	pthread_mutex_lock(&cache->lock);
	result =
		summarize_pool(cache->layout, &client, &cache->revocations, now_s, &summary, fault);
	pthread_mutex_unlock(&cache->lock);
	if (result < 0)
		return -1;
	/* What is valid and cannot sign has lost its key. */
	return set_fault(fault, FAULT_NOT_FOUND,
			 "%s: none of the pool's %s can sign: %s; certificates: %zu "
			 "valid, %zu revoked, %zu damaged, %zu expired: %srun certpool %s %s%s",
			 cache->layout->path, counted(cache->size, "member", "members").text,
			 counted(summary.keys, "key", "keys").text, summary.states[MEMBER_VALID],
			 summary.states[MEMBER_REVOKED], summary.states[MEMBER_DAMAGED],
			 summary.states[MEMBER_EXPIRED],
			 summary.states[MEMBER_VALID] > 0 ? "if the keys are lost, " : "",
			 summary.states[MEMBER_VALID] > 0 ? "repair" : "keep", cache->client,
			 summary.states[MEMBER_VALID] > 0 ? " --lost-keys" : "");
}

/* *ret_signer stays NULL if the list is empty. */
static int draw_from_list(struct signer_cache *cache, const struct draw_options *options,
			  int64_t now_s, struct signer **ret_signer, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer list = {0};
	size_t index;
	uint64_t draw;

	if (list_signers(cache, options, now_s, &list, fault) < 0)
		return -1;
	if (list.len == 0)
		return 0;
	if (draw_below(list.len / sizeof(size_t), &draw, fault) < 0)
		return -1;
	memcpy(&index, list.data + draw * sizeof(size_t), sizeof(size_t));
	return open_signer(cache, index, now_s, ret_signer, fault);
}

/*
 * Drawing from all members until one can sign is uniform among the members that can, and reads few
 * files. If almost no member can sign, the draw is from a list of those that can.
 */
int draw_signer_among(struct signer_cache *cache, signer_filter *filter, const void *context,
		      int64_t now_s, struct signer **ret_signer, struct fault *fault)
{
	const struct draw_options options = {filter, context};
	CLEANUP(release_signer) struct signer *signer = NULL;

	if (draw_blindly(cache, &options, now_s, &signer, fault) < 0 ||
	    (signer == NULL && draw_from_list(cache, &options, now_s, &signer, fault) < 0))
		return -1;
	*ret_signer = TAKE(signer);
	return 0;
}

int draw_signer(struct signer_cache *cache, int64_t now_s, struct signer **ret_signer,
		struct fault *fault)
{
	CLEANUP(release_signer) struct signer *signer = NULL;

	if (draw_signer_among(cache, NULL, NULL, now_s, &signer, fault) < 0)
		return -1;
	if (signer == NULL)
		return refuse_to_draw(cache, now_s, fault);
	*ret_signer = TAKE(signer);
	return 0;
}
