#ifndef CERTPOOL_POOL_MESSAGES_SIGNER_CACHE_H
#define CERTPOOL_POOL_MESSAGES_SIGNER_CACHE_H

#include "common/pool/members/member.h"

#include <stdatomic.h>
#include <sys/stat.h>

/*
 * The members of a pool that sign. One that was opened is kept, so that its next message costs no
 * more than a signature. That it is valid is looked at always, and also that its certificate and
 * its key are still the files that were read: a member that was renewed meanwhile is opened again.
 *
 * A bounded number is kept (each takes some 3 KB); a pool of more members is opened again and
 * again. Safe for several threads.
 */
struct signer_cache;

enum { SIGNERS_MAX = 4096 };

/* A member that can sign. Nothing of it changes; several may hold it. */
struct signer {
	struct member member;

	/* For signer_cache.c. */
	struct stat certificate_state;
	struct stat key_state;
	atomic_uint holders;
};

/* Members 1 … size of the layout, which must outlive the signers. */
int new_signer_cache(const struct layout *layout, size_t size, struct signer_cache **ret_signers,
		     struct fault *fault) MUST_CHECK;
void free_signer_cache(struct signer_cache **signers);

/* The errors of open_member. Owns: *ret_signer is to be released. */
int open_signer(struct signer_cache *signers, size_t index, int64_t now_s,
		struct signer **ret_signer, struct fault *fault) MUST_CHECK;

/*
 * Draws one uniformly from the system's randomness, without modulo bias, among those that have a
 * key and a certificate that is valid now. FAULT_NOT_FOUND when none has.
 * Owns: *ret_signer is to be released.
 */
int draw_signer(struct signer_cache *signers, int64_t now_s, struct signer **ret_signer,
		struct fault *fault) MUST_CHECK;
void release_signer(struct signer **signer);

#endif
