#ifndef CERTPOOL_CA_ISSUE_INIT_AUTHORITY_H
#define CERTPOOL_CA_ISSUE_INIT_AUTHORITY_H

#include "common/crypto/key_access.h"
#include "common/layout/layout.h"
#include "common/layout/manifest.h"

#include <stdbool.h>

/* What init_authority made; false: it existed. */
struct authority_made {
	bool root_layout; /* with a root_layout in the manifest */
	bool root;
	bool certificate; /* the intermediate's */
	bool copy;        /* of the root, put back */
	bool store;
};

/*
 * Makes the parts of a CA that its layout lacks: the key (Private/root.key; none when it is in a
 * token), the root (cert/root.crt), the store (state/ca.db) with the manifest's clients. With a
 * root_layout in the manifest the key is Private/ca.key and the certificate cert/ca.crt, and the
 * root's layout is made and used while one of them is missing (intermediate.h). The caller holds
 * the lock of the layout. An init that was killed can be run again.
 *
 * Errors: FAULT_REFUSED for a certificate without its key or without the store, and for a store in
 * which certificates are but whose issuing certificate is gone: both need a backup.
 */
int init_authority(const struct layout *layout, const struct manifest *manifest,
		   const struct key_access *access, int64_t now_s, struct authority_made *ret_made,
		   struct fault *fault) MUST_CHECK;

#endif
