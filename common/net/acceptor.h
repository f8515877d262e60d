#ifndef CERTPOOL_NET_ACCEPTOR_H
#define CERTPOOL_NET_ACCEPTOR_H

#include "common/net/connection.h"
#include "common/net/listener.h"
#include "common/net/server.h"

#include <microhttpd.h>

/*
 * A thread that accepts connections and hands each to the libmicrohttpd thread that the register
 * chooses. libmicrohttpd (0.9.75) by itself gives most connections to one thread, or those with
 * even descriptors to one and those with odd ones to another. Nor can it stop listening:
 * MHD_quiesce_daemon aborts the process if a thread uses the listening socket at that moment.
 */
struct acceptor;

struct acceptor_settings {
	struct listeners listeners;        /* owned by the acceptor once it has started */
	struct MHD_Daemon *const *daemons; /* one for each thread of the register that is used */
	struct connection_register *connections;
	const struct http_server_settings *server;
};

/* Owns: stop_acceptor. */
int start_acceptor(const struct acceptor_settings *settings, struct acceptor **ret_acceptor,
		   struct fault *fault) MUST_CHECK;

/* Closes the listener, so that further connections are refused. Call begin_draining before. */
void stop_acceptor(struct acceptor **acceptor);

#endif
