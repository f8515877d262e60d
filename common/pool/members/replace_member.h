#ifndef CERTPOOL_POOL_MEMBERS_REPLACE_MEMBER_H
#define CERTPOOL_POOL_MEMBERS_REPLACE_MEMBER_H

#include "common/pool/members/member.h"

/*
 * How a member's new key and certificate take the place of its old ones (its renewal_files and its
 * current_files). The new certificate is on disk for good before anything else happens; then the
 * new key takes its name, then the request, and the certificate last. So a member
 *
 *   without cert/renewal_key{i}.crt   has its old key and its old certificate, or has both new;
 *   with it                           is completed by doing the renames that are not done yet, and
 *                                     whoever finds the new key beside the old certificate finds
 *                                     the new certificate under that name (member.h).
 *
 * The rename of the new key is the end of the old one. The old certificate is not revoked.
 */

/*
 * Completes these members, whose new certificates are on disk for good. One whose new certificate
 * is not for its new key: FAULT_REFUSED, and nobody is touched. Safe for several threads that have
 * different members.
 */
int complete_members(const struct layout *layout, const size_t *members, size_t count,
		     struct fault *fault) MUST_CHECK;

/* Completes whatever a renewal that was killed has left so. The caller holds the layout's lock. */
int complete_renewals(const struct layout *layout, struct fault *fault) MUST_CHECK;

/* Removes the member's new request and key, for which there is no certificate. */
int discard_renewal(const struct layout *layout, size_t member, struct fault *fault) MUST_CHECK;

#endif
