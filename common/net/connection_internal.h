#ifndef CERTPOOL_NET_CONNECTION_INTERNAL_H
#define CERTPOOL_NET_CONNECTION_INTERNAL_H

#include "common/base/clock.h"
#include "common/net/connection.h"
#include "common/net/origin.h"

#include <pthread.h>

/* For connection.c and admission.c. The register's lock is held wherever its fields, or those of a
   connection, are used. */

struct connection_register {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* fewer connections, or fewer busy ones */
	struct periodic_thread *watcher;
	struct connection *first;
	struct origin *origins;
	int64_t timeout_ms;
	int64_t patience_ms;
	int64_t idle_ms;
	struct connection_limits limits;
	struct connection_counts counts;
	size_t cut;                   /* of the open connections, about to be closed */
	size_t busy;                  /* connections that are working or answering */
	unsigned int last_threads[2]; /* chosen for the newest plain and secure connection, each
					 counted from 0 */
	bool draining;
	size_t on_thread[]; /* the number of its connections */
};

/*
 * How the other side of a TCP connection goes on reading a long answer, by the octets that it has
 * acknowledged (RFC 4898, tcpEStatsAppHCThruOctetsAcked). Times are of one clock, in milliseconds.
 */
struct reading {
	int64_t looked_ms;     /* 0: not yet, at this answer */
	uint64_t acknowledged; /* then, since the connection began */
};

struct connection {
	struct connection_register *connections;
	struct connection *next;
	struct connection **link; /* the pointer to this connection */
	struct origin *origin;
	const struct shared_body *shared; /* of the answer; NULL: none */
	int64_t begun_ms;
	int64_t heard_ms;     /* when the watcher last saw octets that wait to be read; 0: never */
	int64_t allowance_ms; /* in addition to the time-out */
	struct reading reading; /* of a long answer: the allowance is not 0 */
	struct tls_connection *tls;
	int socket;
	unsigned int thread;
	bool secure;
	enum connection_phase phase;
	enum connection_phase late_phase; /* the missed deadline; CONNECTION_IDLE: none */
	bool claimed;                     /* if not, the socket may be closed already */
	bool cut;
	bool ended; /* the watcher saw that the client has ended it, in this phase */
	bool used;  /* a request has begun */
};

static inline int64_t read_monotonic_ms(void)
{
	return read_stopwatch_us() / 1000;
}

static inline bool is_busy(enum connection_phase phase)
{
	return phase == CONNECTION_WORKING || phase == CONNECTION_ANSWERING;
}

/*
 * Ends a connection, with a problem if the client is in the middle of a request. The lock is held,
 * so that the socket cannot be closed and its number reused meanwhile.
 */
void cut_connection(struct connection *connection, unsigned int status, const char *detail);

#endif
