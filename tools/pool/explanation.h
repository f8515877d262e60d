#ifndef CERTPOOL_TOOLS_POOL_EXPLANATION_H
#define CERTPOOL_TOOLS_POOL_EXPLANATION_H

#include "common/crypto/shared_key.h"
#include "tools/command.h"

/*
 * Prints what a message is made of, part by part: M, the JWS (RFC 7515), the JWE (RFC 7516). With
 * --json it is one object, whose headers are decoded, and whose other parts are as they are sent.
 * Shape: key is the shared key under which the JWE is.
 * Errors: FAULT_UNDECRYPTABLE, FAULT_MALFORMED for what make_message has not made.
 */
int explain_message(const struct command *command, const struct shared_key *key, struct bytes jwe,
		    struct fault *fault) MUST_CHECK;

#endif
