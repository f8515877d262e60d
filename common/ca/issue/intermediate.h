#ifndef CERTPOOL_CA_ISSUE_INTERMEDIATE_H
#define CERTPOOL_CA_ISSUE_INTERMEDIATE_H

#include "common/ca/issue/issuing_key.h"

/*
 * The CA's certificate below a root that lies apart, in a layout of its own (the manifest's
 * root_layout), with its key: on a medium that is needed for this alone.
 */

struct intermediate_made {
	bool root_layout;
	bool root;
	bool certificate;
};

/*
 * Makes what is missing, in this order: the root's layout, its key and root, the copy of the root
 * in the CA's layout, and the CA's certificate for its key, which is there. With both certificates
 * there, the root's layout is not looked at.
 *
 * Not done: a second certificate for a CA that has one.
 *
 * Errors: FAULT_NOT_FOUND and FAULT_REFUSED when the root of which the CA has a copy is not in the
 * root's layout, or another is: none is made then. The caller holds the lock of the CA's layout.
 */
int make_intermediate(const struct layout *layout, const struct ca_node *ca,
		      const struct key_access *access, int64_t now_s,
		      struct intermediate_made *ret_made, struct fault *fault) MUST_CHECK;

#endif
