#ifndef CERTPOOL_NET_ACCEPTOR_H
#define CERTPOOL_NET_ACCEPTOR_H

#include "common/net/connection.h"
#include "common/net/server.h"

#include <microhttpd.h>

/*
 * A thread that accepts connections and hands each to the thread of libmicrohttpd that the register
 * chooses. By itself libmicrohttpd (0.9.75) gives most of them to one thread, or those with an even
 * descriptor to one and those with an odd one to another; and it cannot stop listening:
 * MHD_quiesce_daemon aborts the process when a thread looks at its socket in the same moment.
 */
struct acceptor;

struct acceptor_settings {
	int listener;                      /* the acceptor's from then on */
	struct MHD_Daemon *const *daemons; /* of one thread each, as many as the register has */
	struct connections *connections;
	const struct http_server_settings *server;
};

int start_acceptor(const struct acceptor_settings *settings, struct acceptor **ret_acceptor,
		   struct fault *fault) MUST_CHECK;

/* After begin_draining. Whoever connects from then on is refused. */
void stop_acceptor(struct acceptor **acceptor);

#endif
