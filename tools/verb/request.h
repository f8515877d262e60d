#ifndef CERTPOOL_TOOLS_VERB_REQUEST_H
#define CERTPOOL_TOOLS_VERB_REQUEST_H

#include "tools/node.h"

struct pool_made;

/* Locks the client's layout and makes the keys and requests that its pool lacks. */
int make_client_pool(const struct command *command, const struct layout *layout,
		     const struct client_node *client, struct pool_made *ret_made,
		     struct fault *fault) MUST_CHECK;

#endif
