#ifndef CERTPOOL_TESTS_SUPPORT_TOKEN_H
#define CERTPOOL_TESTS_SUPPORT_TOKEN_H

#include "tests/support/scratch.h"

/*
 * A PKCS#11 token for one test: SoftHSM, with its files in the scratch directory. A process can
 * have only one, since SoftHSM reads the environment when it is loaded.
 */
#define TOKEN_PIN "4711-4711"
#define TOKEN_URL "pkcs11:token=certpool-test"

void make_token(const struct scratch *scratch);

/* Makes a key pair in the token: "ecdsa", "secp256r1", or "rsa", "2048". A URL's object= is the
 * label. */
void make_token_key(const char *label, const char *kind, const char *size);

/* The same, without the attribute that demands a PIN for its use. */
void make_loose_token_key(const char *label);

/* Removes the token while its module is still loaded. */
void remove_token(const struct scratch *scratch);

#endif
