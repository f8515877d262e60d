#ifndef CERTPOOL_TOOLS_CLIENT_ACME_CREDENTIALS_H
#define CERTPOOL_TOOLS_CLIENT_ACME_CREDENTIALS_H

#include "tools/operator.h"

/*
 * Prints what an ACME client needs to make an account for the CA's client: kid and hmac of the
 * external account binding (RFC 8555 section 7.3.4), and the directory. A client that shares no key
 * with the CA yet gets one.
 * Errors: FAULT_NOT_FOUND; FAULT_REFUSED for a client that may have no certificates; FAULT_USAGE
 * when the manifest does not offer ACME, or has no address for it.
 */
int print_acme_credentials(const struct command *command, const struct ca_operator *ca,
			   const struct client *client, struct fault *fault) MUST_CHECK;

#endif
