#ifndef CERTPOOL_X509_CHAIN_H
#define CERTPOOL_X509_CHAIN_H

#include "common/base/verdict.h"
#include "common/layout/usages.h"
#include "common/x509/intermediates.h"

/*
 * The root that paths have to end at, and the certificates that they may go through, in any order.
 * Those are not trusted by themselves. While a root is replaced there is another one that is
 * trusted as much. Borrowed.
 */
struct trust {
	const struct certificate *root;
	const struct certificate *next_root; /* NULL: there is no other one */
	const struct certificate *const *intermediates;
	size_t intermediate_count;
	unsigned int usage; /* of enum usage, that certificates must be for; 0: any */
};

/*
 * A path: the member's certificate, the certificate of its issuer, and so on up to the root, which
 * is the last. So steps[i + 1] issued steps[i]. Borrowed from struct trust and the caller.
 */
struct path {
	const struct certificate *steps[CHAIN_MAX + 2];
	size_t count; /* at least 2 */
};

/*
 * Whether a member's certificate may be relied on at a time: there is a path to the root (RFC 5280
 * section 6.1), every certificate of which is valid at that time, has its profile and is for a
 * purpose of those below it; so is the member's for the usage of the trust. The root is the trust
 * anchor: it must have PROFILE_ROOT, and must not have expired either. A root is invalid as a
 * member's certificate.
 *
 * Every path is tried, depth first, until one is valid: the order of the intermediates does not
 * matter, nor do further certificates among them. The reason is that of the path that was tried
 * first. A path has at most CHAIN_MAX intermediates; a search verifies at most SIGNATURES_MAX
 * signatures, however many certificates have one name.
 *
 * With two roots, one path to either of them is enough; the reason is that of the path to the
 * first.
 *
 * Not done: revocation, for which the caller has *ret_path.
 *
 * Shape: at most INTERMEDIATES_MAX intermediates. ret_path may be NULL; it is untouched if the
 * verdict is invalid.
 * Errors: FAULT_TOO_LARGE for more.
 */
int verify_chain(const struct trust *trust, const struct certificate *certificate, int64_t at_s,
		 struct path *ret_path, struct verdict *verdict, struct fault *fault) MUST_CHECK;

enum { SIGNATURES_MAX = 32 };

/*
 * Whether the certificate is an intermediate issued by the root: it has PROFILE_INTERMEDIATE, and
 * its issuer's name, key identifier and signature are the root's. Times are not checked. A cross
 * certificate is such an intermediate, with the name and key of another root.
 */
int verify_intermediate(const struct certificate *root, const struct certificate *certificate,
			struct verdict *verdict, struct fault *fault) MUST_CHECK;

/*
 * Whether the certificate is for the name and the key of the root, by another issuer, and as free
 * as a root to have CAs below it. One with a path length of 0 is never one: it is that of a CA
 * which issues, whose key could sign a "root" of the same name and key.
 */
bool is_cross_certificate(const struct certificate *certificate, const struct certificate *root);

/*
 * The next certificate on the path from the certificate to the root: its issuer's, by name and key
 * identifier, borrowed; one that is valid at that time if there is one. NULL if there is none.
 * Signatures are not verified.
 */
const struct certificate *find_issuer(const struct trust *trust,
				      const struct certificate *certificate, int64_t at_s);

#endif
