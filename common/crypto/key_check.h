#ifndef CERTPOOL_CRYPTO_KEY_CHECK_H
#define CERTPOOL_CRYPTO_KEY_CHECK_H

#include "common/crypto/key.h"

/* For key.c: a GnuTLS public key's type, or FAULT_REFUSED for one that is not of our types or is
   weak, as the comment of struct public_key says. */
int check_public_key(gnutls_pubkey_t handle, enum key_type *ret_type,
		     struct fault *fault) MUST_CHECK;

#endif
