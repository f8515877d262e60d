#ifndef CERTPOOL_TOOLS_VERB_INIT_H
#define CERTPOOL_TOOLS_VERB_INIT_H

#include "tools/ca_key.h"
#include "tools/command.h"

/* Where what was made is told: standard output, or standard error. */
enum made_report { REPORT_DATA, REPORT_NOTES };

/*
 * Makes what the named nodes of the manifest lack (all nodes when count is 0): layouts, the CA's
 * root and record, the keys that they share with each other and with nodes that are here already,
 * the root in the clients. What is there stays.
 */
int init_nodes(const struct command *command, const struct manifest *manifest,
	       const struct ca_key_settings *key, const char *const *names, size_t count,
	       enum made_report report, struct fault *fault) MUST_CHECK;

#endif
