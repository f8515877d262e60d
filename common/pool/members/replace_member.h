#ifndef CERTPOOL_POOL_MEMBERS_REPLACE_MEMBER_H
#define CERTPOOL_POOL_MEMBERS_REPLACE_MEMBER_H

#include "common/pool/members/member.h"

/*
 * The last step of a renewal: a member's renewal_files replace its current_files. The new
 * certificate is durable first; then the new key is renamed, then the request, and the certificate
 * last. So a member
 *
 *   without cert/renewal_key{i}.crt   has its old key and certificate, or its new key and
 *                                     certificate;
 *   with that file                    is completed by the renames that are missing. A reader that
 *                                     finds the new key beside the old certificate finds the new
 *                                     certificate in that file (member.h).
 *
 * Renaming the new key destroys the old one. The old certificate is not revoked.
 */

/*
 * Completes these members, whose new certificates are durable. Safe for several threads that have
 * different members.
 * Errors: FAULT_REFUSED if a new certificate is not for its new key: no member is changed then.
 */
int complete_members(const struct layout *layout, const size_t *members, size_t count,
		     struct fault *fault) MUST_CHECK;

/* Completes the members that a killed renewal left incomplete. New files that are damaged, or not
   for each other, are set aside (set_aside.h). The caller holds the layout's lock. */
int complete_renewals(const struct layout *layout, struct fault *fault) MUST_CHECK;

/* Removes a member's new request and key, which have no certificate. */
int discard_renewal(const struct layout *layout, size_t member, struct fault *fault) MUST_CHECK;

#endif
