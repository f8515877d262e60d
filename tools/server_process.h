#ifndef CERTPOOL_TOOLS_SERVER_PROCESS_H
#define CERTPOOL_TOOLS_SERVER_PROCESS_H

#include "common/base/endpoint.h"
#include "common/layout/layout.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * A certpool server as a child process, which ends with this process, even with a killed one. Its
 * standard error is ours; its standard output is dropped. It inherits the environment without the
 * variables of options (CERTPOOL_…), so that only its arguments count.
 */
struct server {
	pid_t pid;                /* 0: no process to stop */
	struct endpoint endpoint; /* where the server listens */
};

enum { SERVER_ARGUMENTS_MAX = 16 };

/*
 * Starts `certpool ARGUMENT... --ready FD` and waits until it listens. Owns: stop_server,
 * drop_server. Shape: arguments begin with the verb and end with NULL; fewer than
 * SERVER_ARGUMENTS_MAX.
 */
int start_server(const char *const *arguments, struct server *ret_server,
		 struct fault *fault) MUST_CHECK;

/*
 * Sends SIGTERM and waits until the server has answered the requests that it began. Without a
 * process it does nothing. Errors: FAULT_FAILED for another exit status than 0.
 */
int stop_server(struct server *server, struct fault *fault) MUST_CHECK;

/* Stops the server and ignores how it ended. For CLEANUP, after another failure. */
void drop_server(struct server *server);

/* Whether a server, of any process, works on the layout (it locks state/serving). */
int find_server(const struct layout *layout, bool *ret_serving, struct fault *fault) MUST_CHECK;

#endif
