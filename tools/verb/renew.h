#ifndef CERTPOOL_TOOLS_VERB_RENEW_H
#define CERTPOOL_TOOLS_VERB_RENEW_H

#include "common/pool/enrolment/renew.h"
#include "tools/command.h"

/*
 * Locks the client's layout and renews its pool. Of what is wanted, layout, client, CA and terms
 * count. Members that the CA refused are told on standard error.
 */
int renew_client(const struct command *command, const struct renewal *wanted,
		 struct renewed *ret_renewed, struct fault *fault) MUST_CHECK;

/* FAULT_PARTIAL when some members were refused, FAULT_REFUSED when all that were due were. */
int check_renewed(const char *client, const struct renewed *renewed,
		  struct fault *fault) MUST_CHECK;

#endif
