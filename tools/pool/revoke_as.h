#ifndef CERTPOOL_TOOLS_POOL_REVOKE_AS_H
#define CERTPOOL_TOOLS_POOL_REVOKE_AS_H

#include "common/base/endpoint.h"
#include "tools/command.h"

/* The options of `revoke` that matter on a client's host. */
struct revoke_as_settings {
	const char *client; /* --as; NULL: the command runs on the CA */
	bool all_members;
	struct endpoint ca;
};

/*
 * `revoke --as CLIENT`: asks the CA, as that client, to revoke certificates of its own, which the
 * operands name, and prints what the CA revoked. With dry_run the CA is not asked.
 * Errors: FAULT_REFUSED for another client's member; FAULT_FAILED when the certificates are revoked
 * but the CA could not make a CRL.
 */
int revoke_as_client(const struct command *command, const struct revoke_as_settings *given,
		     int reason, bool dry_run, struct fault *fault) MUST_CHECK;

#endif
