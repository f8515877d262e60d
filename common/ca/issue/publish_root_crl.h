#ifndef CERTPOOL_CA_ISSUE_PUBLISH_ROOT_CRL_H
#define CERTPOOL_CA_ISSUE_PUBLISH_ROOT_CRL_H

#include "common/ca/issue/root_home.h"
#include "common/ca/revocation/root_crl.h"
#include "common/x509/revocation/crl_builder.h"

/*
 * Makes the CRL of a root that lies apart, unless the present one is current, and copies it to the
 * CA's layout. A root has no record: what it has revoked is what its CRL and the CA's copy of it
 * have, and each CRL has all of that. `revoked`, if not NULL, is added; it makes no difference if
 * it is there already (*ret_info: made false, unless another CRL was due).
 *
 * The number is above those of both present CRLs, so that neither a root's layout from an older
 * copy of its medium nor a CA's from a backup goes back. thisUpdate never decreases, unless the
 * present one is from the future (publish_crl.h).
 *
 * A CRL is due when there is none, when the present one has a third of its validity left or is from
 * the future, and when the CA's copy is not an older CRL of the root's layout.
 *
 * The signature is noted in the log of the root's layout (signed_log.h) before it leaves. That
 * layout is written first: a process that is killed then leaves the CA an old copy, which the next
 * call replaces.
 */
int publish_root_crl(struct root_home *home, const struct crl_entry *revoked,
		     enum crl_publishing mode, int64_t now_s, struct crl_info *ret_info,
		     struct fault *fault) MUST_CHECK;

/*
 * Whether a root that lies apart has revoked a certificate: its CRL or the CA's copy says so.
 * home: with its root (read_home_root). Errors: FAULT_NOT_FOUND when there is neither.
 */
int find_root_revocation(const struct root_home *home, const struct certificate *certificate,
			 bool *ret_revoked, struct fault *fault) MUST_CHECK;

#endif
