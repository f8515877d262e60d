#ifndef CERTPOOL_TOOLS_HELP_MANUAL_H
#define CERTPOOL_TOOLS_HELP_MANUAL_H

#include "common/base/bytes.h"
#include "tools/command.h"

/*
 * Manual pages in mdoc(7), from the tables: certpool(1), the overview of all verbs, and one page
 * for each verb, certpool-VERB(1). What a table does not say is prose, a text in mdoc(7) in parts,
 * each after a line of its own:
 *
 *     .\" synopsis      instead of the one made of the table's operands and options
 *     .\" description   instead of the help's details
 *     .\" --OPTION      instead of the help's line about this option
 *     .\" more          certpool(1): the sections after the options
 *
 * Lines before the first of these begin the page (.Dd). Without prose a page is whole, too.
 */

/* Prints the page of a verb; of the program, when it is NULL. Errors: FAULT_USAGE, when the prose
   has a part about an option that there is not. */
int print_manual(const struct verb *verb, struct bytes prose, struct fault *fault) MUST_CHECK;

#endif
