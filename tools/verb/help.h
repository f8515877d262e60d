#ifndef CERTPOOL_TOOLS_VERB_HELP_H
#define CERTPOOL_TOOLS_VERB_HELP_H

#include "tools/command.h"

/* What --help and --version print, on standard output. */
void print_help(const struct verb *verb);
void print_version(void);

#endif
