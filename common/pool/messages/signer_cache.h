#ifndef CERTPOOL_POOL_MESSAGES_SIGNER_CACHE_H
#define CERTPOOL_POOL_MESSAGES_SIGNER_CACHE_H

#include "common/pool/members/member.h"

#include <stdatomic.h>
#include <sys/stat.h>

/*
 * A cache of members that sign: an opened member's next message costs only its signature. On every
 * use the certificate must be valid and both files, certificate and key, unchanged (stat): a
 * renewed member is opened again. So is what is known to be revoked read again when it changes.
 *
 * An entry takes some 3 KB. Members beyond the cache's size displace each other. Safe for several
 * threads.
 */
struct signer_cache;

enum { SIGNERS_MAX = 4096 };

/* A member that can sign. Immutable and reference-counted. */
struct signer {
	struct member member;

	/* For signer_cache.c. */
	struct stat certificate_state;
	struct stat key_state;
	atomic_uint references;
};

/* An empty cache for members 1 … size of the client's layout, which must outlive it. */
int new_signer_cache(const struct layout *layout, const char *client, size_t size,
		     struct signer_cache **ret_cache, struct fault *fault) MUST_CHECK;
void free_signer_cache(struct signer_cache **cache);

/* Members 1 … size from now on; no other thread uses the cache meanwhile. */
void resize_signer_cache(struct signer_cache *cache, size_t size);

/* Draws are from `first` on from now on; no other thread uses the cache meanwhile. */
void draw_signers_from(struct signer_cache *cache, size_t first);

/*
 * The member of that index.
 * Owns: the caller releases *ret_signer.
 * Errors: those of open_member; FAULT_REFUSED for a member that is known to be revoked
 * (known_revocations.h).
 */
int open_signer(struct signer_cache *cache, size_t index, int64_t now_s, struct signer **ret_signer,
		struct fault *fault) MUST_CHECK;

/*
 * Draws a member uniformly, from the system's randomness and without modulo bias, among the members
 * that have a key and a certificate valid now that is not known to be revoked. Members with damaged
 * files are passed over.
 * Owns: the caller releases *ret_signer.
 * Errors: FAULT_NOT_FOUND if no member can sign.
 */
int draw_signer(struct signer_cache *cache, int64_t now_s, struct signer **ret_signer,
		struct fault *fault) MUST_CHECK;
void release_signer(struct signer **signer);

/* As open_signer, but *ret_signer stays NULL for a member that cannot sign, or is known to be
   revoked. Errors: FAULT_FAILED. */
int open_signer_if_usable(struct signer_cache *cache, size_t index, int64_t now_s,
			  struct signer **ret_signer, struct fault *fault) MUST_CHECK;

/* Whether a member may be drawn. */
typedef bool signer_filter(const void *context, size_t index);

/* As draw_signer, among the members for which the filter is true; *ret_signer stays NULL if none of
   them can sign. */
int draw_signer_among(struct signer_cache *cache, signer_filter *filter, const void *context,
		      int64_t now_s, struct signer **ret_signer, struct fault *fault) MUST_CHECK;

#endif
