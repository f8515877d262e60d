#ifndef CERTPOOL_TOOLS_HELP_HELP_H
#define CERTPOOL_TOOLS_HELP_HELP_H

#include "tools/command.h"

/* What --help and --version print, on standard output. */
void print_help(const struct verb *verb);
int print_version(const struct command *command, struct fault *fault) MUST_CHECK;

/* What a group of verbs is called in the overview. */
const char *group_title(enum verb_group group);

#endif
