#ifndef CERTPOOL_NET_CONNECTION_H
#define CERTPOOL_NET_CONNECTION_H

#include "common/base/fault.h"

#include <stdbool.h>
#include <sys/socket.h>

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

struct connection_limits {
	unsigned int timeout_s; /* of each phase, but see enter_answering */
	unsigned int most;
	unsigned int most_per_address;
	unsigned int threads; /* that they are given to, at least 1 */
};

int new_connections(const struct connection_limits *limits, struct connections **ret_connections,
		    struct fault *fault) MUST_CHECK;

/* All connections must be closed. */
void free_connections(struct connections **connections);

size_t count_connections(struct connections *connections);

/* Waits until there may be one more. false: the server is being stopped. */
bool await_room(struct connections *connections);

/*
 * Registers a connection that was accepted, idle, and chooses its thread, by number from 0: one
 * that has the fewest, in turn. The socket stays the caller's. false: there are too many from that
 * address, or there is no memory.
 */
bool admit_connection(struct connections *connections, int socket, const struct sockaddr *address,
		      unsigned int *ret_thread);

/*
 * The connection admitted with that socket, which must stay open until close_connection; NULL when
 * there is none. One that nobody claims in time is forgotten.
 */
struct connection *claim_connection(struct connections *connections, int socket);
void close_connection(struct connection *connection);

/*
 * The next phase of a request, in the order above. false: the server is being stopped and takes on
 * no request that it has not begun to work on.
 */
bool enter_phase(struct connection *connection, enum connection_phase phase);

/*
 * Enters CONNECTION_ANSWERING with an answer that is that long. A long one may take longer than the
 * time-out, at some 256 KiB a second, unless the server is being stopped. *ret_last: it is being
 * stopped, so that the connection should not be kept.
 */
bool enter_answering(struct connection *connection, size_t len, bool *ret_last);

/* The request is over and the connection idle. Returns the phase in which it was too late, or
 * CONNECTION_IDLE. */
enum connection_phase leave_request(struct connection *connection);

/* From now on no connection is admitted and no request begins. */
void begin_draining(struct connections *connections);

/*
 * After begin_draining, and when nobody admits any more: waits until the requests that the server
 * works on are answered, then ends all connections and waits until they are closed.
 */
void drain_connections(struct connections *connections);

/*
 * Writes a whole answer to a socket on which libmicrohttpd is in the middle of a request and cannot
 * be made to answer, as far as it can be sent at once, and ends what is sent there.
 */
void send_refusal(int socket, unsigned int status, const char *detail);

#endif
