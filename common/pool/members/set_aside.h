#ifndef CERTPOOL_POOL_MEMBERS_SET_ASIDE_H
#define CERTPOOL_POOL_MEMBERS_SET_ASIDE_H

#include "common/pool/members/member.h"

/*
 * Files that a member does not use any more stay in their folder, under the name
 * "replaced_{n}_{name}", with the lowest number that is free: what is damaged, or does not fit, may
 * still be of use to somebody. certpool never reads a key or a request of such a name; it removes
 * certificates of such names once they are revoked (revoke_replaced.h). The caller holds the
 * layout's lock.
 */

/* Renames the file, if it exists. A link or a directory of that name is renamed too. */
int set_aside(int dirfd, const char *name, struct fault *fault) MUST_CHECK;

/* A member, and which of its files. */
struct aside_member {
	size_t index;
	bool key;
	bool csr;
	bool certificate;
};

/*
 * Sets these files of members aside; the names are durable on return. The certificates come first
 * and the keys last, so that a kill in between leaves no member that seems to have its key
 * elsewhere.
 */
int set_members_aside(const struct layout *layout, const struct aside_member *members, size_t count,
		      struct fault *fault) MUST_CHECK;

/* The same for all files that a renewal has prepared for a member. */
int set_renewal_aside(const struct layout *layout, size_t index, struct fault *fault) MUST_CHECK;

/* Gives the member's certificate, if it has one, a second name among the replaced ones, before a
   renewal replaces it. Durable after sync_directory. */
int keep_certificate_aside(const struct layout *layout, size_t index,
			   struct fault *fault) MUST_CHECK;

/* Whether a file name is of this form. */
bool is_set_aside(const char *name);

/*
 * The numbers of the members above the pool's size that have files, each once and rising, as
 * size_t in a buffer. Owns: clear_buffer.
 */
int list_surplus_members(const struct layout *layout, size_t size, struct buffer *ret_members,
			 struct fault *fault) MUST_CHECK;

#endif
