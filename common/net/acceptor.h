#ifndef CERTPOOL_NET_ACCEPTOR_H
#define CERTPOOL_NET_ACCEPTOR_H

#include "common/base/endpoint.h"
#include "common/net/connection.h"
#include "common/net/server.h"

#include <microhttpd.h>

/*
 * Opens a listening TCP socket: non-blocking, close-on-exec; an IPv6 socket takes IPv6 only.
 * *ret_bound is the endpoint with the actual port.
 * Owns: close_descriptor. Errors: FAULT_BUSY when the address is in use, else FAULT_FAILED.
 */
int open_listener(const struct endpoint *endpoint, int *ret_socket, struct endpoint *ret_bound,
		  struct fault *fault) MUST_CHECK;

/*
 * A thread that accepts connections and hands each to the libmicrohttpd thread that the register
 * chooses. libmicrohttpd (0.9.75) by itself gives most connections to one thread, or those with
 * even descriptors to one and those with odd ones to another. Nor can it stop listening:
 * MHD_quiesce_daemon aborts the process if a thread uses the listening socket at that moment.
 */
struct acceptor;

struct acceptor_settings {
	int listener;                      /* owned by the acceptor once it has started */
	struct MHD_Daemon *const *daemons; /* one for each thread of the register */
	struct connection_register *connections;
	const struct http_server_settings *server;
};

/* Owns: stop_acceptor. */
int start_acceptor(const struct acceptor_settings *settings, struct acceptor **ret_acceptor,
		   struct fault *fault) MUST_CHECK;

/* Closes the listener, so that further connections are refused. Call begin_draining before. */
void stop_acceptor(struct acceptor **acceptor);

#endif
