#ifndef CERTPOOL_NET_CONNECTION_H
#define CERTPOOL_NET_CONNECTION_H

#include "common/base/fault.h"

#include <stdbool.h>

/*
 * The connections that a server has open, and how long each may take. libmicrohttpd's time-out
 * counts only while nothing at all arrives, so one octet a minute would hold a connection for ever.
 * Here every phase but the server's own work has a deadline, and a thread shuts down the socket of
 * the connection that is late; libmicrohttpd then sees its end.
 */

enum connection_phase {
	CONNECTION_IDLE,      /* until the first line of a request is complete */
	CONNECTION_RECEIVING, /* until the request is complete: a late one is answered 408 */
	CONNECTION_WORKING,   /* the server answers: no deadline */
	CONNECTION_ANSWERING, /* until the client has read the answer */
};

struct connections;
struct connection;

int new_connections(unsigned int timeout_s, struct connections **ret_connections,
		    struct fault *fault) MUST_CHECK;

/* All connections must be closed. */
void free_connections(struct connections **connections);

/*
 * A connection begins, idle. The socket stays the caller's, and open until close_connection. NULL
 * when there is no memory.
 */
struct connection *open_connection(struct connections *connections, int socket);
void close_connection(struct connection *connection);

/*
 * The next phase of a request, in the order above. false: the server is being stopped and takes on
 * no request that it has not begun to work on.
 */
bool enter_phase(struct connection *connection, enum connection_phase phase);

/* The request is over and the connection idle. Returns the phase in which it was too late, or
 * CONNECTION_IDLE. */
enum connection_phase leave_request(struct connection *connection);

/* Is the server being stopped, so that this connection should not be kept? */
bool is_draining(struct connections *connections);

/*
 * From now on no request begins; waits until those that the server works on are answered, then
 * ends all connections and waits until they are closed. (libmicrohttpd 0.9.75 crashes when it is
 * stopped while it refuses what it cannot parse.)
 */
void drain_connections(struct connections *connections);

/*
 * Writes a whole answer to a socket on which libmicrohttpd is in the middle of a request and cannot
 * be made to answer, as far as it can be sent at once, and ends what is sent there.
 */
void send_refusal(int socket, unsigned int status, const char *detail);

#endif
