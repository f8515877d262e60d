#ifndef CERTPOOL_CRYPTO_PKCS11_KEY_H
#define CERTPOOL_CRYPTO_PKCS11_KEY_H

#include "common/base/bytes.h"

#include <gnutls/abstract.h>

/* Private keys in PKCS#11 tokens. For key.c. */

/*
 * The PIN of a token, for as long as a key of it is in use: a token may ask for the PIN again in
 * every new session.
 */
struct token_pin;

/* pin may be empty: a token that asks for one is refused then. */
int new_token_pin(struct bytes pin, struct token_pin **ret_pin, struct fault *fault) MUST_CHECK;
void free_token_pin(struct token_pin **pin);

/*
 * GnuTLS's callback for the token's PIN; userdata is the struct token_pin. A PIN that the token has
 * called wrong is never given again, and none is given at the last try before the token locks
 * itself: a service that restarts in a loop with a wrong PIN must not lock its token.
 */
int answer_token(void *userdata, int attempt, const char *url, const char *label,
		 unsigned int flags, char *ret_pin, size_t size);

/* Why the PIN was wrong or not given; NULL if there was no problem. */
const char *token_pin_problem(const struct token_pin *pin);

/* Opens a key as open_token_key says, into a handle that is initialised and empty. *ret_pin must
   outlive the handle. It is set as soon as the handle refers to it, even on failure. */
int import_token_key(const char *url, struct bytes pin, gnutls_privkey_t handle,
		     struct token_pin **ret_pin, struct fault *fault) MUST_CHECK;

#endif
