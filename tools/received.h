#ifndef CERTPOOL_TOOLS_RECEIVED_H
#define CERTPOOL_TOOLS_RECEIVED_H

#include "common/base/endpoint.h"
#include "common/layout/layout.h"
#include "common/layout/manifest.h"
#include "tools/command.h"

struct checked {
	size_t good;
	size_t bad;
};

/*
 * Checks every certificate in the client's received/ against its pinned root; at the CA too, unless
 * ca is NULL. Bad ones are told on standard error. FAULT_NOT_FOUND when there is none.
 */
int check_received(const struct command *command, const struct layout *layout,
		   const struct client_node *client, const struct endpoint *ca,
		   struct checked *ret_checked, struct fault *fault) MUST_CHECK;

#endif
