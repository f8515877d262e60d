#ifndef CERTPOOL_CRYPTO_KEY_INTERNAL_H
#define CERTPOOL_CRYPTO_KEY_INTERNAL_H

#include "common/crypto/ec_key.h"
#include "common/crypto/key.h"
#include "common/crypto/pkcs11_key.h"

/* The structs behind key.h, for key.c and signature.c. Nettle computes with ECDSA keys in memory,
   GnuTLS with all others. */

struct private_key {
	enum key_type type;
	struct ec_key *ec;       /* NULL: the key is in the handle */
	gnutls_privkey_t handle; /* NULL: the key is in ec */
	struct token_pin *pin;   /* logs the handle in to a token; NULL: the key is not in one */
};

struct public_key {
	enum key_type type;
	struct ec_point *ec;    /* NULL: the key is in the handle */
	gnutls_pubkey_t handle; /* NULL: the key is in ec */
	struct buffer spki;
};

#endif
