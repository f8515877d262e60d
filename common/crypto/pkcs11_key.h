#ifndef CERTPOOL_CRYPTO_PKCS11_KEY_H
#define CERTPOOL_CRYPTO_PKCS11_KEY_H

#include "common/base/bytes.h"

#include <gnutls/abstract.h>

/* For key.c: private keys in PKCS#11 tokens. */

/*
 * What a token is told when it asks for a PIN, as long as its key is in use: a token may ask again
 * whenever a session is opened. Holds the PIN.
 */
struct token_pin;

/* pin may be empty: then a token that asks is told nothing. */
int new_token_pin(struct bytes pin, struct token_pin **ret_pin, struct fault *fault) MUST_CHECK;
void free_token_pin(struct token_pin **pin);

/*
 * GnuTLS asks here for the token's PIN; userdata is the struct token_pin. It is told once and never
 * again after the token called it wrong, and not at all where this try is the last before the token
 * locks itself: a wrong PIN in a file must not lock the token of a service that is started again
 * and again.
 */
int answer_token(void *userdata, int attempt, const char *url, const char *label,
		 unsigned int flags, char *ret_pin, size_t size);

/* Why it was not told, or that it was wrong; NULL when there is nothing to say. */
const char *token_pin_problem(const struct token_pin *pin);

/* What open_token_key says, into a handle that is initialised and empty. *ret_pin has to outlive
   the handle; it is set when the handle refers to it, on failure too. */
int import_token_key(const char *url, struct bytes pin, gnutls_privkey_t handle,
		     struct token_pin **ret_pin, struct fault *fault) MUST_CHECK;

#endif
