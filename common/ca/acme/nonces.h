#ifndef CERTPOOL_CA_ACME_NONCES_H
#define CERTPOOL_CA_ACME_NONCES_H

#include "common/base/fault.h"

#include <stdbool.h>

/*
 * The nonces of ACME requests (RFC 8555 section 6.5): a count and a MAC under a key of this process
 * alone, so that none has to be stored when it is given out. Which of the last NONCES_MAX were used
 * is remembered, a bit for each; older ones are no longer good. So a nonce is accepted once at
 * most, by the process that gave it out, also where several serve one record. Safe for several
 * threads.
 */
struct nonces;

enum { NONCES_MAX = 1 << 20, NONCE_SIZE = 33 };

int new_nonces(struct nonces **ret_nonces, struct fault *fault) MUST_CHECK;
void free_nonces(struct nonces **nonces);

/* 32 characters of base64url. */
void make_nonce(struct nonces *nonces, char ret_nonce[static NONCE_SIZE]);

/* Whether the nonce is one of these, and not used. */
bool is_fresh_nonce(struct nonces *nonces, const char *nonce);

/* The same, and uses it: true for one of several callers at most. */
bool use_nonce(struct nonces *nonces, const char *nonce);

#endif
