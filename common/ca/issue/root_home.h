#ifndef CERTPOOL_CA_ISSUE_ROOT_HOME_H
#define CERTPOOL_CA_ISSUE_ROOT_HOME_H

#include "common/ca/issue/issuing_key.h"

/*
 * The layout of a root that lies apart (root_layout in the manifest), opened and locked: say on a
 * medium that is mounted only while the root signs. Zero-initialised, with lock -1, is empty.
 */
struct root_home {
	struct layout *layout;
	int lock;
	const struct layout *ca_layout; /* of the CA below the root; borrowed, as is its node */
	const struct ca_node *ca;
	struct key_access access; /* borrowed: the root's key is always a file */
	struct certificate *root; /* NULL: not made yet */
	struct issuer *issuer;    /* NULL until the root is to sign */
	const char *crl_name;     /* of its CRL's file in both layouts */
};

void clear_root_home(struct root_home *home);

/*
 * Opens and locks the layout, which exists, for the CA of the other layout, whose copy of the root
 * must be the same. All three arguments must outlive it.
 * Errors: FAULT_NOT_FOUND when the layout is not at hand, or lacks the root; FAULT_REFUSED when the
 * two roots differ.
 */
int open_root_home(const struct layout *layout, const struct ca_node *ca,
		   const struct key_access *access, struct root_home *ret_home,
		   struct fault *fault) MUST_CHECK;

/*
 * The same for a CA that may have no root yet: a missing layout is made (*ret_made), unless the CA
 * has a copy of its root: then the root exists elsewhere. home->root is not filled. *home is empty
 * before, and the caller clears it, also after a failure.
 */
int open_or_make_root_home(const struct layout *layout, const struct ca_node *ca,
			   const struct key_access *access, struct root_home *home, bool *ret_made,
			   struct fault *fault) MUST_CHECK;

/* Reads the root into home->root, and compares the CA's copy of it, or writes that if there is
 * none.
 */
int read_home_root(struct root_home *home, struct fault *fault) MUST_CHECK;

/*
 * Reads the root as an issuer into home->issuer, unless it is there; what it issues names the
 * manifest's URL of the root's CRL.
 * Errors: FAULT_REFUSED also when the root is not valid at now_s.
 */
int load_root(struct root_home *home, int64_t now_s, struct fault *fault) MUST_CHECK;

#endif
