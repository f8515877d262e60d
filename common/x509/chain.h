#ifndef CERTPOOL_X509_CHAIN_H
#define CERTPOOL_X509_CHAIN_H

#include "common/base/verdict.h"
#include "common/x509/certificate.h"

/*
 * Whether a member's certificate may be relied on at a time: there is a path to the root (RFC 5280
 * section 6.1), and every certificate of the path is valid at that time and has its profile. The
 * root is the trust anchor: it must have PROFILE_ROOT, and must not have expired either. A root is
 * invalid as a member's certificate.
 *
 * Not done: revocation; trying several paths. Of two intermediates with one name and key
 * identifier, the first is taken.
 *
 * Shape: at most CHAIN_MAX intermediates, in any order.
 * Errors: FAULT_TOO_LARGE for more.
 */
int verify_chain(const struct certificate *root, const struct certificate *const *intermediates,
		 size_t intermediate_count, const struct certificate *certificate, int64_t at_s,
		 struct verdict *verdict, struct fault *fault) MUST_CHECK;

/*
 * Whether the certificate is an intermediate issued by the root: it has PROFILE_INTERMEDIATE, and
 * its issuer's name, key identifier and signature are the root's. Times are not checked.
 */
int verify_intermediate(const struct certificate *root, const struct certificate *certificate,
			struct verdict *verdict, struct fault *fault) MUST_CHECK;

/*
 * The next certificate on the path from the certificate to the root: its issuer's, borrowed. NULL
 * if there is none. Signatures are not verified.
 */
const struct certificate *find_issuer(const struct certificate *root,
				      const struct certificate *const *intermediates,
				      size_t intermediate_count,
				      const struct certificate *certificate);

#endif
