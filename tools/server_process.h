#ifndef CERTPOOL_TOOLS_SERVER_PROCESS_H
#define CERTPOOL_TOOLS_SERVER_PROCESS_H

#include "common/base/endpoint.h"
#include "common/layout/layout.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * A certpool server as a child process of ours: it ends when we do, however we end. It prints on
 * our standard error, and its standard output is dropped. Of the environment it gets everything but
 * what would be its options (CERTPOOL_…): those are given as arguments.
 */
struct server {
	pid_t pid; /* 0: none */
	struct endpoint endpoint;
};

enum { SERVER_ARGUMENTS_MAX = 16 };

/*
 * Starts `certpool ARGUMENT... --ready FD` and waits until it listens.
 * Shape: arguments begin with the verb and end with NULL; fewer than SERVER_ARGUMENTS_MAX.
 */
int start_server(const char *const *arguments, struct server *ret_server,
		 struct fault *fault) MUST_CHECK;

/* Has it finish what it has begun; FAULT_FAILED when it did not end well. */
int stop_server(struct server *server, struct fault *fault) MUST_CHECK;

/* The same, when there is another failure to be told of. */
void drop_server(struct server *server);

/* Whether a server works on the layout already (state/serving). */
int find_server(const struct layout *layout, bool *ret_serving, struct fault *fault) MUST_CHECK;

#endif
