#include "common/net/connection.h"

#include "common/base/periodic_thread.h"
#include "common/net/connection_internal.h"
#include "common/net/problem.h"

/* Not <netinet/tcp.h>, whose struct tcp_info ends before the counters. */
#include <linux/tcp.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum {
	LATENESS_MAX_MS = 1000,
	MS_PER_S = 1000,
	SLOWEST_PER_MS = 262, /* octets: some 256 KiB a second */
	PATIENCE_MS = 5000,
	READING_OCTETS = 16384,
	IDLE_PART = 5, /* of the patience, after which a connection that says nothing is idle */
};

/* libmicrohttpd closes it then. */
static void shut_connection(struct connection *connection)
{
	connection->cut = true;
	connection->connections->cut++;
	connection->origin->cut++;
	(void)shutdown(connection->socket, SHUT_RDWR);
}

void cut_connection(struct connection *connection, unsigned int status, const char *detail)
{
	/* close() then discards the rest of the answer instead of keeping it in memory. */
	static const struct linger reset = {.l_onoff = 1, .l_linger = 0};

	if (connection->phase == CONNECTION_ANSWERING)
		(void)setsockopt(connection->socket, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	else if (connection->phase == CONNECTION_RECEIVING && !connection->secure)
		send_problem(connection->socket, status, detail);
	shut_connection(connection);
}

/* The lock is held. */
static void unregister_connection(struct connection *connection)
{
	struct connection_register *connections = connection->connections;

	*connection->link = connection->next;
	if (connection->next != NULL)
		connection->next->link = connection->link;
	connections->counts.open--;
	connections->cut -= connection->cut;
	connections->on_thread[connection->thread]--;
	pthread_cond_broadcast(&connections->changed);
	connection->origin->cut -= connection->cut;
	leave_origin(&connection->origin);
	free(connection);
}

/* 0 if the kernel does not say. */
static uint64_t count_acknowledged(int socket)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return 0;
	return info.tcpi_bytes_acked;
}

/* Looks for the first time, and again after patience_ms: false if fewer than READING_OCTETS were
   read since the last look. */
static bool goes_on_reading(struct reading *reading, int socket, int64_t now_ms,
			    int64_t patience_ms)
{
	const struct reading before = *reading;

	if (before.looked_ms != 0 && now_ms - before.looked_ms < patience_ms)
		return true;
	*reading = (struct reading){now_ms, count_acknowledged(socket)};
	return before.looked_ms == 0 ||
	       reading->acknowledged - before.acknowledged >= READING_OCTETS;
}

static bool is_late(struct connection *connection, int64_t now_ms)
{
	const struct connection_register *connections = connection->connections;
	int64_t allowed_ms = connections->timeout_ms;

	if (connection->phase == CONNECTION_WORKING)
		return false;
	if (!connection->used && connections->patience_ms < allowed_ms)
		allowed_ms = connections->patience_ms;
	/* A stopping server does not wait for slow readers. */
	if (!connections->draining)
		allowed_ms += connection->allowance_ms;
	if (now_ms - connection->begun_ms >= allowed_ms ||
	    (connection->allowance_ms > 0 &&
	     !goes_on_reading(&connection->reading, connection->socket, now_ms,
			      connections->patience_ms)))
		return true;
	return connection->shared != NULL && is_withdrawn(connection->shared);
}

/*
 * Whether the client has ended the connection, and all that it sent was read: at two looks, since
 * the end of a request may have been read a moment ago. libmicrohttpd (0.9.75) overlooks such an
 * end when it comes together with a part of a request. Notes besides whether octets wait.
 */
static bool is_over(struct connection *connection, int64_t now_ms)
{
	const bool before = connection->ended;
	ssize_t waiting;
	char octet;

	if (!connection->claimed || is_busy(connection->phase))
		return false;
	waiting = recv(connection->socket, &octet, 1, MSG_PEEK | MSG_DONTWAIT);
	connection->ended = waiting == 0;
	if (waiting > 0)
		connection->heard_ms = now_ms;
	return before && connection->ended;
}

static void cut_late_connections(void *context)
{
	struct connection_register *connections = context;
	int64_t now_ms = read_monotonic_ms();
	struct connection *next;

	pthread_mutex_lock(&connections->lock);
	for (struct connection *each = connections->first; each != NULL; each = next) {
		next = each->next;
		if (each->cut)
			continue;
		if (is_over(each, now_ms))
			shut_connection(each);
		if (each->cut || !is_late(each, now_ms))
			continue;
		if (!each->claimed) {
			unregister_connection(each);
			continue;
		}
		each->late_phase = each->phase;
		cut_connection(each, MHD_HTTP_REQUEST_TIMEOUT,
			       "the request did not arrive in time");
	}
	pthread_mutex_unlock(&connections->lock);
}

int new_connection_register(const struct connection_limits *limits,
			    struct connection_register **ret_connections, struct fault *fault)
{
	CLEANUP(free_connection_register)
	struct connection_register *connections =
		calloc(1, sizeof(*connections) + 2 * limits->threads * sizeof(size_t));
	int64_t step_ms;

	if (connections == NULL)
		return set_memory_fault(fault);
	connections->limits = *limits;
	connections->timeout_ms = (int64_t)limits->timeout_s * MS_PER_S;
	connections->patience_ms = limits->patience_ms > 0 ? limits->patience_ms : PATIENCE_MS;
	connections->idle_ms = connections->patience_ms / IDLE_PART;
	pthread_mutex_init(&connections->lock, NULL);
	init_condition(&connections->changed);
	step_ms = connections->patience_ms < connections->timeout_ms ? connections->patience_ms / 8
								     : connections->timeout_ms / 8;
	if (step_ms > LATENESS_MAX_MS)
		step_ms = LATENESS_MAX_MS;
	if (start_periodic_thread((unsigned int)step_ms, cut_late_connections, connections,
				  &connections->watcher, fault) < 0)
		return -1;
	*ret_connections = TAKE(connections);
	return 0;
}

void free_connection_register(struct connection_register **pointer)
{
	struct connection_register *connections = TAKE(*pointer);

	if (connections == NULL)
		return;
	stop_periodic_thread(&connections->watcher);
	pthread_cond_destroy(&connections->changed);
	pthread_mutex_destroy(&connections->lock);
	free(connections);
}

/* The lock is held. */
static void set_phase(struct connection *connection, enum connection_phase phase)
{
	struct connection_register *connections = connection->connections;

	connections->busy += is_busy(phase);
	connections->busy -= is_busy(connection->phase);
	connection->phase = phase;
	connection->begun_ms = read_monotonic_ms();
	connection->allowance_ms = 0;
	connection->shared = NULL;
	connection->ended = false;
	connection->used |= phase != CONNECTION_IDLE;
	if (connections->busy == 0)
		pthread_cond_broadcast(&connections->changed);
}

struct connection_counts count_connections(struct connection_register *connections)
{
	struct connection_counts counts;

	pthread_mutex_lock(&connections->lock);
	counts = connections->counts;
	pthread_mutex_unlock(&connections->lock);
	return counts;
}

size_t count_on_thread(struct connection_register *connections, unsigned int thread)
{
	size_t count;

	pthread_mutex_lock(&connections->lock);
	count = connections->on_thread[thread];
	pthread_mutex_unlock(&connections->lock);
	return count;
}

struct connection *claim_connection(struct connection_register *connections, int socket)
{
	struct connection *found;

	pthread_mutex_lock(&connections->lock);
	found = connections->first;
	while (found != NULL && (found->claimed || found->socket != socket))
		found = found->next;
	if (found != NULL) {
		found->claimed = true;
		pthread_cond_broadcast(&connections->changed);
	}
	pthread_mutex_unlock(&connections->lock);
	return found;
}

const char *connection_origin(const struct connection *connection)
{
	return connection->origin->text;
}

bool is_secure(const struct connection *connection)
{
	return connection->secure;
}

struct tls_connection **connection_tls(struct connection *connection)
{
	return &connection->tls;
}

void close_connection(struct connection *connection)
{
	struct connection_register *connections;

	if (connection == NULL)
		return;
	connections = connection->connections;
	pthread_mutex_lock(&connections->lock);
	set_phase(connection, CONNECTION_IDLE);
	unregister_connection(connection);
	pthread_mutex_unlock(&connections->lock);
}

/* The lock is held. */
static bool set_phase_unless_draining(struct connection *connection, enum connection_phase phase)
{
	if (connection->connections->draining && !is_busy(connection->phase))
		return false;
	set_phase(connection, phase);
	return true;
}

bool enter_connection_phase(struct connection *connection, enum connection_phase phase)
{
	bool entered;

	pthread_mutex_lock(&connection->connections->lock);
	entered = set_phase_unless_draining(connection, phase);
	pthread_mutex_unlock(&connection->connections->lock);
	return entered;
}

bool enter_answering_phase(struct connection *connection, size_t len,
			   const struct shared_body *shared, bool *ret_last)
{
	struct connection_register *connections = connection->connections;
	bool entered;

	pthread_mutex_lock(&connections->lock);
	entered = set_phase_unless_draining(connection, CONNECTION_ANSWERING);
	if (entered) {
		connection->allowance_ms = (int64_t)(len / SLOWEST_PER_MS);
		connection->shared = shared;
		/* The watcher looks first: most answers are read before it does. */
		connection->reading = (struct reading){0};
	}
	*ret_last = connections->draining;
	pthread_mutex_unlock(&connections->lock);
	return entered;
}

enum connection_phase finish_request(struct connection *connection)
{
	enum connection_phase late_phase;

	pthread_mutex_lock(&connection->connections->lock);
	late_phase = connection->late_phase;
	set_phase(connection, CONNECTION_IDLE);
	pthread_mutex_unlock(&connection->connections->lock);
	return late_phase;
}

void begin_draining(struct connection_register *connections)
{
	pthread_mutex_lock(&connections->lock);
	connections->draining = true;
	pthread_cond_broadcast(&connections->changed);
	pthread_mutex_unlock(&connections->lock);
}

void drain_connections(struct connection_register *connections)
{
	pthread_mutex_lock(&connections->lock);
	while (connections->busy > 0)
		pthread_cond_wait(&connections->changed, &connections->lock);
	while (connections->counts.open > 0) {
		/* Repeated each time, since another connection may have been claimed. */
		for (struct connection *each = connections->first; each != NULL; each = each->next)
			if (each->claimed)
				(void)shutdown(each->socket, SHUT_RDWR);
		pthread_cond_wait(&connections->changed, &connections->lock);
	}
	pthread_mutex_unlock(&connections->lock);
}
