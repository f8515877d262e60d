#ifndef CERTPOOL_TOOLS_CLIENT_FLEET_TABLE_H
#define CERTPOOL_TOOLS_CLIENT_FLEET_TABLE_H

#include "common/ca/overview/fleet_report.h"
#include "tools/command.h"

/* Prints a line a client, with a mark and its reasons where something needs looking at. */
int print_fleet(const struct command *command, const struct fleet *fleet,
		struct fault *fault) MUST_CHECK;

/* The same in short, for people: a sum, and each client as long as they are few, else those marked.
 */
int print_fleet_summary(const struct fleet *fleet, struct fault *fault) MUST_CHECK;

#endif
