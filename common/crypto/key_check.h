#ifndef CERTPOOL_CRYPTO_KEY_CHECK_H
#define CERTPOOL_CRYPTO_KEY_CHECK_H

#include "common/crypto/key.h"

#include <gnutls/abstract.h>

/* For key.c: the type of a public key that GnuTLS read, RSA or Ed25519, or FAULT_REFUSED for one
   that is not of our types or is weak, as the comment of struct public_key says. FAULT_MALFORMED
   for an EC key: parse_ec_spki reads those that are as they should be. */
int check_public_key(gnutls_pubkey_t handle, enum key_type *ret_type,
		     struct fault *fault) MUST_CHECK;

#endif
