#ifndef CERTPOOL_TOOLS_RELOAD_H
#define CERTPOOL_TOOLS_RELOAD_H

#include "common/ca/issue/authority.h"
#include "tools/command.h"

/*
 * Reads the command's manifest again while its CA serves, and takes over its clients and their
 * policies (sync_clients). All else that it says is for the next start. A manifest that is wrong,
 * or of a CA with another layout, changes nothing: that is a complaint, and the CA goes on.
 */
void reload_manifest(const struct command *command, const struct manifest *served,
		     struct authority *authority);

#endif
