#ifndef CERTPOOL_TOOLS_CLIENT_ACME_CREDENTIALS_H
#define CERTPOOL_TOOLS_CLIENT_ACME_CREDENTIALS_H

#include "tools/operator.h"

/* Of the options of `client acme`. Zero-initialised: the credentials. */
struct acme_action {
	bool list;
	const char *end; /* an account's id; NULL: none */
};

/*
 * Prints what an ACME client needs to make an account for the CA's client: kid and hmac of the
 * external account binding (RFC 8555 section 7.3.4), and the directory. A client that shares no key
 * with the CA yet gets one. Or prints the client's accounts, one a line: the id, when it was made,
 * its state and its contacts. Or deactivates one of them for good; its certificates stay.
 * Errors: FAULT_NOT_FOUND; FAULT_REFUSED for a client that may have no certificates; FAULT_USAGE
 * when the manifest does not offer ACME, or has no address for it, and for both options at once.
 */
int run_acme_action(const struct command *command, const struct ca_operator *ca,
		    const struct client *client, const struct acme_action *action,
		    struct fault *fault) MUST_CHECK;

#endif
