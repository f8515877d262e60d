#ifndef CERTPOOL_TOOLS_CLIENT_CLIENT_REMOVAL_H
#define CERTPOOL_TOOLS_CLIENT_CLIENT_REMOVAL_H

#include "tools/ca_key.h"
#include "tools/operator.h"

/*
 * Takes a client out of the record, and the key that is shared with it out of the CA's layout, and
 * prints what becomes of its certificates. With a key, they are revoked, and the CRL is made;
 * key NULL: they live on.
 * Errors: FAULT_NOT_FOUND; FAULT_REFUSED for a client of the manifest.
 */
int drop_whole_client(const struct command *command, struct ca_operator *ca, const char *name,
		      const struct ca_key_settings *key, struct fault *fault) MUST_CHECK;

#endif
