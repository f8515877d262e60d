#ifndef CERTPOOL_CA_ISSUE_NEW_ROOT_H
#define CERTPOOL_CA_ISSUE_NEW_ROOT_H

#include "common/ca/issue/rotate_root.h"

/*
 * What both kinds of root rotation make: of a root that lies apart (rotate_root.c), and of one that
 * issues by itself (rotate_own_root.h). What is signed is noted in the log of `layout`, the one
 * that has the key (signed_log.h).
 */

/* The next root: self-signed, under the name of the present one with the next serialNumber. */
int create_next_root(const struct root_rotation *rotation, const struct layout *layout,
		     const struct certificate *present, const struct private_key *key,
		     struct buffer *ret_der, struct fault *fault) MUST_CHECK;

/* A further certificate for the name and key of `below`, which ends at end_s, or with `above`. */
int certify_below(const struct root_rotation *rotation, const struct layout *layout,
		  const struct issuer *above, const struct certificate *below, int64_t end_s,
		  struct buffer *ret_der, struct fault *fault) MUST_CHECK;

/* The pair by which both roots certify each other: the next one's certificate by the present one
   in DER, and the content of CROSS_FILE. */
int make_cross_pair(const struct root_rotation *rotation, const struct layout *layout,
		    const struct issuer *present, const struct issuer *next,
		    struct buffer *ret_next_der, struct buffer *ret_pems,
		    struct fault *fault) MUST_CHECK;

/* A line of the audit log. */
int record_rotation(const struct root_rotation *rotation, const char *what,
		    const struct certificate *root, struct fault *fault) MUST_CHECK;

int describe_root(const struct certificate *root, bool completed, struct rotated_root *ret_rotated,
		  struct fault *fault) MUST_CHECK;

#endif
