#ifndef CERTPOOL_CA_ISSUE_ROTATE_ROOT_H
#define CERTPOOL_CA_ISSUE_ROTATE_ROOT_H

#include "common/ca/issue/publish_root_crl.h"
#include "common/ca/store/store.h"

/*
 * The rotation of a root, in two acts, with weeks between them; of one that issues by itself see
 * rotate_own_root.h too. This is for one that lies apart:
 *
 * The first makes a new root beside the present one, under a name of its own, and a pair of cross
 * certificates: of the new root by the present one, and the reverse. From then on clients learn of
 * both (POST /v1/roots, GET /root.crt), and the CA goes on below the present one.
 *
 * The second makes the new root the only one, once every client has pinned it: the new root
 * certifies the CA's key again, so that all that the CA has issued is below it too, and takes the
 * place of the present one in both layouts. What was there is kept as root.old.crt, root.old.key
 * and root.old.crl in the root's layout.
 *
 * Each act that was killed is completed when it is run again. The caller holds the lock of the CA's
 * layout.
 */
struct root_rotation {
	const struct layout *layout;
	const struct ca_node *ca;
	const struct key_access *access;
	struct store *store;
	int64_t now_s;
};

/* The new root. */
struct rotated_root {
	char *subject; /* RFC 4514 */
	int64_t not_after_s;
	bool completed; /* an act that was killed */
};

void clear_rotated_root(struct rotated_root *rotated);

/*
 * The first act. The layout of a root that lies apart has to be at hand.
 * Errors, before anything has changed: FAULT_REFUSED when a rotation is under way; those of
 * open_root_home and load_root.
 */
int begin_root_rotation(const struct root_rotation *rotation, struct rotated_root *ret_rotated,
			struct fault *fault) MUST_CHECK;

/*
 * While a root that lies apart is being replaced: makes the next root's CRL too, as
 * publish_root_crl does that of the present one, whose layout is open.
 */
int publish_next_root_crl(const struct root_home *home, enum crl_publishing mode, int64_t now_s,
			  struct fault *fault) MUST_CHECK;

/*
 * After the rotation of a root that lies apart, until the old root ends, and as long as its key is
 * there: makes its CRL too, for verifiers that hold it. The present root's layout is open.
 */
int publish_old_root_crl(const struct root_home *home, enum crl_publishing mode, int64_t now_s,
			 struct fault *fault) MUST_CHECK;

/*
 * The second act, which goes on without the clients that are named. An older issuer that the
 * present root has revoked gets a certificate that ends now, since the new root's CRL begins empty.
 * Errors, before anything has changed: FAULT_REFUSED when no rotation is under way, when other
 * clients lack the new root, which it names, and when the newest issuer was revoked;
 * FAULT_NOT_FOUND for a name that is no client's; those of open_root_home.
 */
int finish_root_rotation(const struct root_rotation *rotation, const char *const *without,
			 size_t without_count, struct rotated_root *ret_rotated,
			 struct fault *fault) MUST_CHECK;

#endif
