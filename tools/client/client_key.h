#ifndef CERTPOOL_TOOLS_CLIENT_CLIENT_KEY_H
#define CERTPOOL_TOOLS_CLIENT_CLIENT_KEY_H

#include "common/crypto/shared_key.h"
#include "tools/operator.h"

/*
 * The key that the CA shares with the client, from which other software's credentials are derived
 * (EST, ACME). A client that shares none yet, as its layout is elsewhere and nobody has joined,
 * gets one. Owns: clear_shared_key. Errors: FAULT_REFUSED for a client that may have no
 * certificates.
 */
int find_or_make_client_key(const struct command *command, const struct ca_operator *ca,
			    const struct client *client, struct shared_key *ret_key,
			    struct fault *fault) MUST_CHECK;

#endif
