#ifndef CERTPOOL_TOOLS_HARDEN_H
#define CERTPOOL_TOOLS_HARDEN_H

#include "common/base/fault.h"

/*
 * What every certpool process does first: nobody may trace it or read its memory, it leaves no
 * core, the JSON library wipes what it frees, a pipe that nobody reads is a failed write and not
 * its end, and descriptors 0 to 2 are open, so that no file that it opens takes the place of one of
 * them.
 */
int harden_process(struct fault *fault) MUST_CHECK;

#endif
