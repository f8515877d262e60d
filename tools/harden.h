#ifndef CERTPOOL_TOOLS_HARDEN_H
#define CERTPOOL_TOOLS_HARDEN_H

#include "common/base/fault.h"

/*
 * What every certpool process does before anything else: other processes can neither trace it nor
 * read its memory, it leaves no core, jansson wipes memory that it frees, GMP ends the process with
 * status 1, and not by SIGABRT, when memory is lacking, and the limit of open
 * files is raised; memory of large messages goes back to the system when it is freed. A write to a
 * pipe that no process reads fails instead of ending the process. Descriptors 0 to 2 are open, so
 * that no file opened later becomes a standard stream.
 */
int harden_process(struct fault *fault) MUST_CHECK;

#endif
