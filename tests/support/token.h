#ifndef CERTPOOL_TESTS_SUPPORT_TOKEN_H
#define CERTPOOL_TESTS_SUPPORT_TOKEN_H

#include "tests/support/scratch.h"

/*
 * A PKCS#11 token of a test's own: SoftHSM, with its files in the scratch directory. There is one a
 * process, since SoftHSM reads the environment when it is loaded.
 */
#define TOKEN_PIN "4711-4711"
#define TOKEN_URL "pkcs11:token=certpool-test"

void make_token(const struct scratch *scratch);

/* Makes a key pair in it: "ecdsa", "secp256r1", or "rsa", "2048". label is also told by the URL. */
void make_token_key(const char *label, const char *kind, const char *size);

/* The same, without the mark that keeps it from being used without a PIN. */
void make_loose_token_key(const char *label);

/* Takes the token away, with its module still loaded. */
void remove_token(const struct scratch *scratch);

#endif
