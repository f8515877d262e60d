#ifndef CERTPOOL_CA_ISSUE_CA_ENDS_H
#define CERTPOOL_CA_ISSUE_CA_ENDS_H

#include "common/x509/certificate.h"

/*
 * The warnings about the ends of a CA's certificates: of the one with which it issues, and of its
 * root, which are the same when the root itself issues. From the last third of its life on each has
 * one, which says the verb that helps. A further
 * warning says that members' certificates are cut short, because none of them outlives the issuing
 * certificate.
 */

enum { CA_WARNINGS_MAX = 3, CA_WARNING_SIZE = 256 };

struct ca_warnings {
	char texts[CA_WARNINGS_MAX][CA_WARNING_SIZE]; /* neither quotes nor control characters */
	size_t count;
};

struct ca_ends {
	const struct certificate *issuing;
	const struct certificate *root; /* may be the same certificate, or equal */
	bool own_root;                  /* the root issues by itself: no rotate ca */
	bool replacing;                 /* the rotation of the root is under way (rotate_root.h) */
	int64_t validity_s;             /* what a member's certificate should have */
};

void warn_of_ends(const struct ca_ends *ends, int64_t now_s, struct ca_warnings *ret_warnings);

#endif
