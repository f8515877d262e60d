#ifndef CERTPOOL_TOOLS_RENEW_H
#define CERTPOOL_TOOLS_RENEW_H

#include "common/pool/renew.h"
#include "tools/command.h"

/*
 * Locks the client's layout and renews its pool. The renewal has its layout, client, CA and terms;
 * who is told of refusals and progress is filled in. Members that the CA refused are told on
 * standard error.
 */
int renew_client(const struct command *command, struct renewal *renewal,
		 struct renewed *ret_renewed, struct fault *fault) MUST_CHECK;

/* FAULT_PARTIAL when some members were refused, FAULT_REFUSED when all that were due were. */
int check_renewed(const char *client, const struct renewed *renewed,
		  struct fault *fault) MUST_CHECK;

#endif
