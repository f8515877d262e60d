#include "common/pool/messages/signer_cache.h"

#include "common/base/file.h"
#include "common/base/random.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* How often a draw is made blindly before the pool is searched for members that can sign. */
enum { BLIND_DRAWS = 128 };

struct signer_cache {
	const struct layout *layout;
	size_t size;
	pthread_mutex_t lock; /* for the slots */
	/* Each member has one slot; who comes later to the same slot takes it. */
	struct signer *slots[SIGNERS_MAX];
};

void release_signer(struct signer **signer_pointer)
{
	struct signer *signer = TAKE(*signer_pointer);

	if (signer == NULL || atomic_fetch_sub(&signer->holders, 1) > 1)
		return;
	clear_member(&signer->member);
	free(signer);
}

int new_signer_cache(const struct layout *layout, size_t size, struct signer_cache **ret_signers,
		     struct fault *fault)
{
	struct signer_cache *signers = calloc(1, sizeof(*signers));

	if (signers == NULL)
		return set_memory_fault(fault);
	pthread_mutex_init(&signers->lock, NULL);
	signers->layout = layout;
	signers->size = size;
	*ret_signers = signers;
	return 0;
}

void free_signer_cache(struct signer_cache **signers_pointer)
{
	struct signer_cache *signers = TAKE(*signers_pointer);

	if (signers == NULL)
		return;
	for (size_t i = 0; i < SIGNERS_MAX; i++)
		release_signer(&signers->slots[i]);
	pthread_mutex_destroy(&signers->lock);
	free(signers);
}

/* False when a file cannot be looked at: reading it will say why. */
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

/* NULL when it is not kept, or not as it was when it was opened. */
static struct signer *hold_signer(struct signer_cache *signers, size_t index, int64_t now_s)
{
	CLEANUP(release_signer) struct signer *signer = NULL;

	pthread_mutex_lock(&signers->lock);
	signer = signers->slots[index % SIGNERS_MAX];
	if (signer != NULL)
		atomic_fetch_add(&signer->holders, 1);
	pthread_mutex_unlock(&signers->lock);
	if (signer == NULL || signer->member.index != index ||
	    !is_valid_at(signer->member.certificate, now_s) ||
	    !is_unchanged(signers->layout, signer))
		return NULL;
	return TAKE(signer);
}

static void keep_signer(struct signer_cache *signers, struct signer *signer)
{
	struct signer **slot = &signers->slots[signer->member.index % SIGNERS_MAX];
	struct signer *old;

	atomic_fetch_add(&signer->holders, 1);
	pthread_mutex_lock(&signers->lock);
	old = *slot;
	*slot = signer;
	pthread_mutex_unlock(&signers->lock);
	release_signer(&old);
}

typedef int open_function(const struct layout *layout, size_t index, int64_t now_s,
			  struct member *ret_member, struct fault *fault);

/* What is kept, or else opened. *ret_signer stays NULL when nothing is. */
static int get_signer(struct signer_cache *signers, size_t index, int64_t now_s,
		      open_function *open, struct signer **ret_signer, struct fault *fault)
{
	CLEANUP(release_signer) struct signer *signer = hold_signer(signers, index, now_s);
	bool known;

	if (signer == NULL) {
		signer = calloc(1, sizeof(*signer));
		if (signer == NULL)
			return set_memory_fault(fault);
		atomic_init(&signer->holders, 1);
		/* Before they are read, so that what changes meanwhile is seen the next time. */
		known = read_states(signers->layout, index, &signer->certificate_state,
				    &signer->key_state);
		if (open(signers->layout, index, now_s, &signer->member, fault) < 0)
			return -1;
		if (signer->member.certificate == NULL)
			return 0;
		if (known)
			keep_signer(signers, signer);
	}
	*ret_signer = TAKE(signer);
	return 0;
}

int open_signer(struct signer_cache *signers, size_t index, int64_t now_s,
		struct signer **ret_signer, struct fault *fault)
{
	return get_signer(signers, index, now_s, open_member, ret_signer, fault);
}

/* Draws from all members until one can sign, for so many times. *ret_signer stays NULL: none did.
 */
static int draw_blindly(struct signer_cache *signers, int64_t now_s, struct signer **ret_signer,
			struct fault *fault)
{
	for (int i = 0; i < BLIND_DRAWS && *ret_signer == NULL; i++) {
		uint64_t draw;

		if (draw_below(signers->size, &draw, fault) < 0 ||
		    get_signer(signers, (size_t)draw + 1, now_s, open_member_if_valid, ret_signer,
			       fault) < 0)
			return -1;
	}
	return 0;
}

/* The members that can sign, as size_t one after the other. */
static int list_signers(struct signer_cache *signers, int64_t now_s, struct buffer *list,
			struct fault *fault)
{
	for (size_t index = 1; index <= signers->size; index++) {
		CLEANUP(release_signer) struct signer *signer = NULL;

		if (get_signer(signers, index, now_s, open_member_if_valid, &signer, fault) < 0)
			return -1;
		if (signer != NULL)
			append_bytes(list, (struct bytes){(const uint8_t *)&index, sizeof(index)});
	}
	return check_buffer(list, fault);
}

static int draw_from_list(struct signer_cache *signers, int64_t now_s, size_t *ret_index,
			  struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer list = {0};
	uint64_t draw;

	if (list_signers(signers, now_s, &list, fault) < 0)
		return -1;
	if (list.len == 0)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "%s: none of the pool's %zu members has a key and a certificate "
				 "that is valid now: run certpool enroll",
				 signers->layout->path, signers->size);
	if (draw_below(list.len / sizeof(size_t), &draw, fault) < 0)
		return -1;
	memcpy(ret_index, list.data + draw * sizeof(size_t), sizeof(size_t));
	return 0;
}

/*
 * A draw from all members that is thrown away when it falls on one that cannot sign is uniform
 * among those that can, and looks at few files. When nearly none can, a list of them is drawn from.
 */
int draw_signer(struct signer_cache *signers, int64_t now_s, struct signer **ret_signer,
		struct fault *fault)
{
	CLEANUP(release_signer) struct signer *signer = NULL;
	size_t index = 0;

	if (draw_blindly(signers, now_s, &signer, fault) < 0)
		return -1;
	if (signer == NULL && (draw_from_list(signers, now_s, &index, fault) < 0 ||
			       open_signer(signers, index, now_s, &signer, fault) < 0))
		return -1;
	*ret_signer = TAKE(signer);
	return 0;
}
