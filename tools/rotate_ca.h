#ifndef CERTPOOL_TOOLS_ROTATE_CA_H
#define CERTPOOL_TOOLS_ROTATE_CA_H

#include "tools/ca_key.h"
#include "tools/command.h"

/* `again`: also within an hour of the last rotation. */
int rotate_ca(const struct command *command, const struct ca_key_settings *key, bool again,
	      struct fault *fault) MUST_CHECK;

#endif
