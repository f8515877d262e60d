#ifndef CERTPOOL_X509_CHAIN_H
#define CERTPOOL_X509_CHAIN_H

#include "common/base/verdict.h"
#include "common/x509/certificate.h"

/*
 * Whether a member's certificate may be relied on at a time: a path to the root (RFC 5280
 * section 6.1), every certificate of it valid then, and every one in its profile. The root is the
 * trust anchor: it must have PROFILE_ROOT, and it must not be expired either. A root given as a
 * member's certificate is invalid.
 *
 * Not done here: revocation, which is asked of the CA; trying several paths. Of two intermediates
 * of one name and key identifier the first is taken.
 *
 * Shape: intermediates in any order, at most CHAIN_MAX; FAULT_TOO_LARGE.
 */
int verify_chain(const struct certificate *root, const struct certificate *const *intermediates,
		 size_t intermediate_count, const struct certificate *certificate, int64_t at_s,
		 struct verdict *verdict, struct fault *fault) MUST_CHECK;

/*
 * Whether the certificate is an intermediate by the root: PROFILE_INTERMEDIATE, and the root's by
 * name, key identifier and signature. Times are not looked at.
 */
int verify_intermediate(const struct certificate *root, const struct certificate *certificate,
			struct verdict *verdict, struct fault *fault) MUST_CHECK;

/* Whose certificate is next on that path; NULL when there is none. No signature is verified. */
const struct certificate *find_issuer(const struct certificate *root,
				      const struct certificate *const *intermediates,
				      size_t intermediate_count,
				      const struct certificate *certificate);

#endif
