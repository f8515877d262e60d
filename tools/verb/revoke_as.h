#ifndef CERTPOOL_TOOLS_VERB_REVOKE_AS_H
#define CERTPOOL_TOOLS_VERB_REVOKE_AS_H

#include "common/base/endpoint.h"
#include "common/ca/store/revoke.h"
#include "tools/ca_key.h"
#include "tools/command.h"

/* What `revoke` is told, and what it prints, on the CA and over the wire. */

struct revoke_settings {
	const char *reason_name;
	bool dry_run;
	bool all;
	const char *client;
	const char *subject;
	struct instant issued_before;
	const char *as;
	bool all_members;
	struct endpoint ca;
	struct ca_key_settings key;
};

/* --as: asks the CA, as a client, for certificates of its own. */
int revoke_as_client(const struct command *command, const struct revoke_settings *given, int reason,
		     struct fault *fault) MUST_CHECK;

#endif
