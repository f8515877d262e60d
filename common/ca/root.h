#ifndef CERTPOOL_CA_ROOT_H
#define CERTPOOL_CA_ROOT_H

#include "common/crypto/key_access.h"
#include "common/layout/layout.h"
#include "common/layout/manifest.h"
#include "common/x509/issuer.h"

/*
 * The CA's root and its key in the CA's layout: cert/root.crt, and Private/root.key unless the key
 * is in a token.
 */

bool root_exists(const struct layout *layout);
/* True of a key in a token without a look at the token. */
bool root_key_exists(const struct layout *layout, const struct key_access *access);

/* Makes and writes a key, unless there is one. Makes none in a token. */
int make_root_key(const struct layout *layout, enum key_type type, const struct key_access *access,
		  struct fault *fault) MUST_CHECK;

/* Makes the root for the key that is there, and writes it. The layout must have none. */
int make_root(const struct layout *layout, const struct ca_node *ca,
	      const struct key_access *access, int64_t now_s, struct fault *fault) MUST_CHECK;

/* Reads both. FAULT_NOT_FOUND without a root; FAULT_REFUSED when they do not belong together or
   the root is no CA's certificate. */
int load_issuer(const struct layout *layout, const struct key_access *access,
		struct issuer **ret_issuer, struct fault *fault) MUST_CHECK;

/* FAULT_REFUSED when the root is expired or not yet valid. */
int check_root_time(const struct certificate *root, int64_t now_s, struct fault *fault) MUST_CHECK;

#endif
