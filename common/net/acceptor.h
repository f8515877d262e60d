#ifndef CERTPOOL_NET_ACCEPTOR_H
#define CERTPOOL_NET_ACCEPTOR_H

#include "common/net/connection.h"
#include "common/net/server.h"

#include <microhttpd.h>

/*
 * A thread that accepts connections and hands them to libmicrohttpd in turn to each of its threads.
 * By itself libmicrohttpd (0.9.75) gives most of them to one thread, and cannot stop listening:
 * MHD_quiesce_daemon aborts the process when a thread looks at its socket in the same moment.
 */
struct acceptor;

struct acceptor_settings {
	int listener; /* the acceptor's from then on */
	struct MHD_Daemon *daemon;
	struct connections *connections;
	const struct http_server_settings *server;
};

int start_acceptor(const struct acceptor_settings *settings, struct acceptor **ret_acceptor,
		   struct fault *fault) MUST_CHECK;

/* After begin_draining. Whoever connects from then on is refused. */
void stop_acceptor(struct acceptor **acceptor);

#endif
