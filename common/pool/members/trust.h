#ifndef CERTPOOL_POOL_MEMBERS_TRUST_H
#define CERTPOOL_POOL_MEMBERS_TRUST_H

#include "common/base/endpoint.h"
#include "common/layout/layout.h"
#include "common/x509/chain.h"
#include "common/x509/intermediates.h"

/*
 * The root that a layout trusts, cert/root.crt, and the intermediate certificates below it that the
 * layout has met, cert/ca.crt. Intermediates are not trusted: they only help to find a path. While
 * the CA replaces its root (rotate root), cert/root.crt has both, one after the other.
 */

#define ROOT_FILE "root.crt"
#define INTERMEDIATES_FILE "ca.crt"

/* The roots that are pinned. Zero-initialised is empty. */
struct roots {
	struct certificate *root;
	struct certificate *next; /* NULL: there is no second one */
};

void clear_roots(struct roots *roots);

/* The trust in these roots, by way of these intermediates. Borrows. */
struct trust trust_in_roots(const struct roots *roots, const struct intermediates *intermediates);

/* Reads one root from PEM. FAULT_UNVERIFIED unless it is in PROFILE_ROOT. */
int parse_root_pem(struct bytes pem, struct certificate **ret_root, struct fault *fault) MUST_CHECK;

/* Reads one root or two, each in PROFILE_ROOT, one after the other. Owns: clear_roots. */
int parse_roots_pem(struct bytes pem, struct roots *ret_roots, struct fault *fault) MUST_CHECK;

/* As read_root, both. */
int read_roots(const struct layout *layout, struct roots *ret_roots,
	       struct fault *fault) MUST_CHECK;

/*
 * Pins these roots instead of those that are pinned. The caller holds the layout's lock, and has
 * seen that the new ones are trusted by the old ones.
 */
int replace_roots(const struct layout *layout, const struct roots *roots,
		  struct fault *fault) MUST_CHECK;

/*
 * Reads the first pinned root, and checks that it is in PROFILE_ROOT.
 * Errors: FAULT_NOT_FOUND without one, FAULT_UNVERIFIED if it is not in the profile.
 */
int read_root(const struct layout *layout, struct certificate **ret_root,
	      struct fault *fault) MUST_CHECK;

/*
 * Pins a root: writes cert/root.crt. Pinning the same root again succeeds, with *ret_written false.
 * The caller holds the layout's lock.
 * Errors: FAULT_REFUSED if only other roots are pinned, which stay.
 */
int pin_root(const struct layout *layout, struct bytes root_der, bool *ret_written,
	     struct fault *fault) MUST_CHECK;

/* Reads cert/ca.crt. Without that file there are none. */
int read_intermediates(const struct layout *layout, struct intermediates *ret_intermediates,
		       struct fault *fault) MUST_CHECK;

/*
 * Adds intermediates to cert/ca.crt, before those that it has, which older certificates may need:
 * up to INTERMEDIATES_MAX in all. *ret_written is false if the file has them all. The caller holds
 * the layout's lock.
 */
int keep_intermediates(const struct layout *layout, const struct intermediates *intermediates,
		       bool *ret_written, struct fault *fault) MUST_CHECK;

/*
 * A root as a file without a name, in memory: for http clients that have no layout where it is
 * pinned. The path is valid as long as the descriptor is open. Owns: close_descriptor.
 */
enum { ROOT_PATH_SIZE = 32 };
int open_root_file(struct bytes root_der, int *ret_descriptor, char ret_path[static ROOT_PATH_SIZE],
		   struct fault *fault) MUST_CHECK;

/*
 * Fetches the CA's root by GET /root.crt, which is not authenticated, nor is the server then.
 * Of the two of a CA that replaces its root it takes the one that is expected.
 * Errors: FAULT_UNVERIFIED if the SHA-256 of its DER is not the expected one, or if it is not in
 * PROFILE_ROOT.
 */
int fetch_root(const struct endpoint *endpoint, const uint8_t expected_sha256[static SHA256_LEN],
	       struct buffer *ret_der, struct fault *fault) MUST_CHECK;

/*
 * Fetches the CA's issuing certificate by GET /ca.crt. The result is empty if that is the root.
 * Errors: FAULT_UNVERIFIED if it is not an intermediate that the root signed.
 */
int fetch_intermediates(const struct endpoint *endpoint, struct bytes root_der,
			struct intermediates *ret_intermediates, struct fault *fault) MUST_CHECK;

#endif
