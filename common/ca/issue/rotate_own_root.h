#ifndef CERTPOOL_CA_ISSUE_ROTATE_OWN_ROOT_H
#define CERTPOOL_CA_ISSUE_ROTATE_OWN_ROOT_H

#include "common/ca/issue/rotate_root.h"
#include "common/ca/revocation/ca_roots.h"

/*
 * The rotation of a root that issues by itself: as rotate_root.h, but that the new root is the CA's
 * next issuer as well. It issues from the first act on, with the certificate of its key by the
 * present root, so that who holds either root can verify what it issues. With the second act its
 * certificate is the new root itself, and the new root certifies the key of every issuer before it,
 * which goes on with its CRL and its OCSP answers until nothing that it issued is valid.
 *
 * Private/ca.key and cert/ca.crt are issuer 1 from the first rotation on: the key is the one that
 * was Private/root.key.
 */
int begin_own_rotation(const struct root_rotation *rotation, struct rotated_root *ret_rotated,
		       struct fault *fault) MUST_CHECK;

/*
 * roots: those of the layout. The caller has seen that the clients have the new one.
 * Errors: FAULT_REFUSED also when the new root's key is not there.
 */
int finish_own_rotation(const struct root_rotation *rotation, const struct ca_roots *roots,
			struct fault *fault) MUST_CHECK;

#endif
