#ifndef CERTPOOL_TOOLS_VERB_HELP_H
#define CERTPOOL_TOOLS_VERB_HELP_H

#include "tools/command.h"

/* Prints on standard output: what there is, or what one verb takes. */
void print_overview(void);
void print_help(const struct verb *verb);
void print_version(void);

#endif
