#ifndef CERTPOOL_TOOLS_POOL_CHECK_CLIENT_H
#define CERTPOOL_TOOLS_POOL_CHECK_CLIENT_H

#include "common/base/endpoint.h"
#include "tools/command.h"

/* `check CLIENT`: asks which certificates are revoked, checks the client's layout (check_pool), and
   prints a line for each finding. Errors: FAULT_FAILED when there are findings. */
int check_client(const struct command *command, const struct endpoint *ca,
		 struct fault *fault) MUST_CHECK;

#endif
