#ifndef CERTPOOL_CRYPTO_KEY_INTERNAL_H
#define CERTPOOL_CRYPTO_KEY_INTERNAL_H

#include "common/crypto/ec_key.h"
#include "common/crypto/key.h"
#include "common/crypto/pkcs11_key.h"

/* For this folder: what computes with a key. ECDSA keys in memory are Nettle's, all others
 * GnuTLS's.
 */

struct private_key {
	enum key_type type;
	struct ec_key *ec;       /* NULL: the handle */
	gnutls_privkey_t handle; /* NULL: ec */
	struct token_pin *pin;   /* what the handle logs in with; NULL: not in a token */
};

struct public_key {
	enum key_type type;
	struct ec_point *ec;    /* NULL: the handle */
	gnutls_pubkey_t handle; /* NULL: ec */
	struct buffer spki;
};

#endif
