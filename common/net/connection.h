#ifndef CERTPOOL_NET_CONNECTION_H
#define CERTPOOL_NET_CONNECTION_H

#include "common/net/shared_body.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * The register of a server's open connections, and their deadlines. libmicrohttpd's time-out only
 * runs while nothing at all arrives, so that one octet a minute would hold a connection for ever.
 * Here every phase except the server's own work has a deadline, and a thread shuts down the socket
 * of a late connection; libmicrohttpd then sees the end of the connection. A client must also read
 * a part of its answer in every few seconds, and the readers of a withdrawn body
 * (shared_body.h) are ended. A connection over TLS is idle until its first request, its handshake
 * included, and is closed without an answer where a plain one gets a 408 or 503: only
 * libmicrohttpd's thread could encrypt it.
 *
 * A connection that finds no place takes that of another: when the server is full, of one that the
 * client has ended, or else of the one that has been idle longest, for a fifth of the patience, or
 * else of the oldest one from the origin with the most connections; when its origin has all that it
 * may have, of one of its own that has been idle as long. A connection of which octets wait to be
 * read is not idle: it is the server that is late.
 */

enum connection_phase {
	CONNECTION_IDLE,      /* before the first line of a request is complete */
	CONNECTION_RECEIVING, /* until the request is complete; a late request is answered 408 */
	CONNECTION_WORKING,   /* until the handler has an answer: no deadline */
	CONNECTION_ANSWERING, /* until the client has received the answer */
};

struct connection_register;
struct connection;

struct connection_limits {
	unsigned int timeout_s;        /* of each phase; longer for long answers */
	unsigned int most;             /* besides a sixteenth of it that are about to be closed */
	unsigned int most_per_address; /* in fact per origin (origin.h) */
	unsigned int threads;          /* of libmicrohttpd for plain connections, at least 1; and as
					  many again for secure ones */
	unsigned int patience_ms;      /* until the first line of a connection's first request, and
					  for a part of an answer to be read; 0: 5,000 */
};

struct connection_counts {
	size_t open;
	uint64_t turned_away; /* so far: its origin had too many */
	uint64_t replaced;    /* so far: ended, to give another its place */
};

int new_connection_register(const struct connection_limits *limits,
			    struct connection_register **ret_connections,
			    struct fault *fault) MUST_CHECK;

/* All connections must have been closed. */
void free_connection_register(struct connection_register **connections);

struct connection_counts count_connections(struct connection_register *connections);

/* The open connections of one thread. */
size_t count_on_thread(struct connection_register *connections, unsigned int thread);

/*
 * Waits until there is room for one more connection, and ends another one if there is none. false:
 * the server is stopping.
 */
bool await_connection_room(struct connection_register *connections);

/* A connection that was accepted; secure: over TLS. */
struct newcomer {
	int socket;
	bool secure;
	const struct sockaddr *address;
};

/*
 * Registers an accepted connection as idle, and chooses its thread: of those for its kind, the
 * plain ones numbered from 0 and the secure ones after them, one with the fewest connections, in
 * rotation. The socket stays the caller's. false: the origin (origin.h) has too many connections,
 * which is answered 503, unless it is secure; the server is stopping; or there is no memory.
 */
bool admit_connection(struct connection_register *connections, const struct newcomer *newcomer,
		      unsigned int *ret_thread);

/*
 * The admitted connection of the socket, which must stay open until close_connection; NULL when
 * there is none. An unclaimed connection is dropped from the register after the time-out.
 */
struct connection *claim_connection(struct connection_register *connections, int socket);
void close_connection(struct connection *connection);

/* The connection's origin (origin.h), valid until close_connection. */
const char *connection_origin(const struct connection *connection);
bool is_secure(const struct connection *connection);

/* What belongs to a secure connection: kept here for its owner. NULL at first. */
struct tls_connection;
struct tls_connection **connection_tls(struct connection *connection);

/*
 * Enters the next phase of a request, in the order above. false: the server is stopping, and begins
 * no work on this request.
 */
bool enter_connection_phase(struct connection *connection, enum connection_phase phase);

/*
 * Enters CONNECTION_ANSWERING with an answer of len octets, which is `shared` unless that is NULL;
 * it must stay valid until finish_request. The deadline of a long answer is later, by 1 s for some
 * 256 KiB, unless the server is stopping. *ret_last: the server is stopping, so the answer should
 * close the connection.
 */
bool enter_answering_phase(struct connection *connection, size_t len,
			   const struct shared_body *shared, bool *ret_last);

/*
 * The request is over and the connection idle. Returns the phase whose deadline was missed, or
 * CONNECTION_IDLE.
 */
enum connection_phase finish_request(struct connection *connection);

/* Begins to stop: from now on no connection is admitted and no request begins. */
void begin_draining(struct connection_register *connections);

/*
 * After begin_draining and the end of the last admit_connection: waits until the requests in work
 * are answered, then shuts all connections down and waits until they are closed.
 */
void drain_connections(struct connection_register *connections);

#endif
