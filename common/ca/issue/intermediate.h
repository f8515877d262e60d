#ifndef CERTPOOL_CA_ISSUE_INTERMEDIATE_H
#define CERTPOOL_CA_ISSUE_INTERMEDIATE_H

#include "common/ca/issue/root_home.h"

/*
 * The CA's certificate under a root that lies apart: the root and its key are in a layout of their
 * own (root_layout in the manifest), say on a medium that is mounted only to make this certificate.
 */

struct intermediate_made {
	bool root_layout;
	bool root;
	bool certificate;
	bool copy; /* of a root that was there: the CA's layout had lost it */
};

/*
 * Makes the missing parts, in this order: the root's layout, its key and root, the copy of the root
 * in the CA's layout, the CA's certificate. The CA's key must exist. When the CA's layout has both
 * certificates the root's layout is not opened. The caller holds the lock of the CA's layout.
 *
 * Not done: a second certificate for a CA that has one (rotate_issuer.h).
 *
 * Errors: when the CA has a copy of a root, FAULT_NOT_FOUND if the root's layout has none and
 * FAULT_REFUSED if it has another one. Nothing is made then.
 */
int make_intermediate(const struct layout *layout, const struct ca_node *ca,
		      const struct key_access *access, int64_t now_s,
		      struct intermediate_made *ret_made, struct fault *fault) MUST_CHECK;

/* Has the root, which is loaded, certify the key of the CA's issuer of that number. Its subject is
   the manifest's, with serialNumber=N from issuer 2 on. */
int sign_intermediate(const struct root_home *home, unsigned int number,
		      const struct private_key *key, int64_t now_s, struct buffer *ret_der,
		      struct fault *fault) MUST_CHECK;

/*
 * Has the root, which is loaded, certify the key of an issuer of its CA, which exists, and writes
 * the certificate (sign_intermediate) under its name (issuing_key.h): from then on the CA has that
 * issuer.
 */
int certify_intermediate(const struct root_home *home, unsigned int number,
			 const struct key_access *access, int64_t now_s,
			 struct fault *fault) MUST_CHECK;

#endif
