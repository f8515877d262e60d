#include "common/net/connection.h"

#include "common/base/clock.h"
#include "common/base/periodic_thread.h"
#include "common/net/origin.h"
#include "common/net/problem.h"
#include "common/net/reading.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
	LATENESS_MAX_MS = 1000,
	MS_PER_S = 1000,
	SLOWEST_PER_MS = 262, /* octets: some 256 KiB a second */
	PATIENCE_MS = 5000,
	CLOSING_PART = 16, /* of all that may be open, so many may be about to be closed besides */
	SPARED_MS = 30,    /* a newcomer, whose request may be about to be read */
	OWN_SPARED_MS = 1000, /* from another connection of the same origin */
};

struct connection_register {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* fewer connections, or fewer busy ones */
	struct periodic_thread *watcher;
	struct connection *first;
	struct origin *origins;
	int64_t timeout_ms;
	int64_t patience_ms;
	struct connection_limits limits;
	struct connection_counts counts;
	size_t cut;                   /* of the open connections, about to be closed */
	size_t busy;                  /* connections that are working or answering */
	unsigned int last_threads[2]; /* chosen for the newest plain and secure connection, each
					 counted from 0 */
	bool draining;
	size_t on_thread[]; /* the number of its connections */
};

struct connection {
	struct connection_register *connections;
	struct connection *next;
	struct connection **link; /* the pointer to this connection */
	struct origin *origin;
	const struct shared_body *shared; /* of the answer; NULL: none */
	int64_t begun_ms;
	int64_t allowance_ms;   /* in addition to the time-out */
	struct reading reading; /* of a long answer: the allowance is not 0 */
	struct tls_connection *tls;
	int socket;
	unsigned int thread;
	bool secure;
	enum connection_phase phase;
	enum connection_phase late_phase; /* the missed deadline; CONNECTION_IDLE: none */
	bool claimed;                     /* if not, the socket may be closed already */
	bool cut;
	bool used; /* a request has begun */
};

static int64_t read_monotonic_ms(void)
{
	return read_stopwatch_us() / 1000;
}

/*
 * Ends a connection, with a problem if the client is in the middle of a request. The lock is held,
 * so that the socket cannot be closed and its number reused meanwhile.
 */
static void cut_connection(struct connection *connection, unsigned int status, const char *detail)
{
	/* close() then discards the rest of the answer instead of keeping it in memory. */
	static const struct linger reset = {.l_onoff = 1, .l_linger = 0};

	connection->cut = true;
	connection->connections->cut++;
	connection->origin->cut++;
	if (connection->phase == CONNECTION_ANSWERING)
		(void)setsockopt(connection->socket, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	else if (connection->phase == CONNECTION_RECEIVING && !connection->secure)
		send_problem(connection->socket, status, detail);
	(void)shutdown(connection->socket, SHUT_RDWR);
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

static void cut_late_connections(void *context)
{
	struct connection_register *connections = context;
	int64_t now_ms = read_monotonic_ms();
	struct connection *next;

	pthread_mutex_lock(&connections->lock);
	for (struct connection *each = connections->first; each != NULL; each = next) {
		next = each->next;
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

static bool is_busy(enum connection_phase phase)
{
	return phase == CONNECTION_WORKING || phase == CONNECTION_ANSWERING;
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

/* Whether `a` is to be ended rather than `b`, for a newcomer of any origin. */
static bool is_more_dispensable(const struct connection *a, const struct connection *b)
{
	if (b == NULL || a->phase != b->phase)
		return b == NULL || a->phase == CONNECTION_IDLE;
	if (a->phase == CONNECTION_RECEIVING && a->origin->members != b->origin->members)
		return a->origin->members > b->origin->members;
	return a->begun_ms < b->begun_ms;
}

/* The connection to be ended for a newcomer: of any origin one that is idle, or else one that
   receives; of a given origin one that is idle; for spared_ms at least. NULL: there is none. The
   lock is held. */
static struct connection *choose_dispensable(const struct connection_register *connections,
					     const struct origin *origin, int64_t spared_ms)
{
	struct connection *chosen = NULL;
	int64_t latest_ms = read_monotonic_ms() - spared_ms;

	for (struct connection *each = connections->first; each != NULL; each = each->next)
		if (each->claimed && !each->cut && !is_busy(each->phase) &&
		    each->begun_ms <= latest_ms &&
		    (origin == NULL ||
		     (each->origin == origin && each->phase == CONNECTION_IDLE)) &&
		    is_more_dispensable(each, chosen))
			chosen = each;
	return chosen;
}

/* The lock is held. */
static void replace(struct connection *connection)
{
	connection->connections->counts.replaced++;
	cut_connection(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
		       "too many connections: try again later");
}

/* Whether there is room for one more connection, after one was ended if need be. Those that are
   about to be closed are not waited for, unless they are many. The lock is held. */
static bool make_room(struct connection_register *connections)
{
	size_t most = connections->limits.most;
	struct connection *chosen = NULL;

	if (connections->counts.open - connections->cut >= most)
		chosen = choose_dispensable(connections, NULL, SPARED_MS);
	if (chosen != NULL)
		replace(chosen);
	return connections->counts.open - connections->cut < most &&
	       connections->counts.open < most + most / CLOSING_PART;
}

bool await_connection_room(struct connection_register *connections)
{
	bool room;

	pthread_mutex_lock(&connections->lock);
	while (!connections->draining && !make_room(connections)) {
		const struct timespec end = deadline_in(SPARED_MS);

		(void)pthread_cond_timedwait(&connections->changed, &connections->lock, &end);
	}
	room = !connections->draining;
	pthread_mutex_unlock(&connections->lock);
	return room;
}

/* Ends a connection of the origin that has been idle long enough. false: there is none. The lock is
   held. */
static bool replace_own(const struct connection_register *connections, const struct origin *origin)
{
	struct connection *chosen = choose_dispensable(connections, origin, OWN_SPARED_MS);

	if (chosen == NULL)
		return false;
	replace(chosen);
	return true;
}

/* NULL: there is no memory, or the origin may not have one more connection, which is told so. The
   lock is held. */
static struct origin *enter_origin(struct connection_register *connections, const char *text,
				   const struct newcomer *newcomer)
{
	CLEANUP(leave_origin) struct origin *origin = NULL;

	if (connections->draining)
		return NULL;
	origin = join_origin(&connections->origins, text);
	if (origin == NULL)
		return NULL;
	if (origin->members - origin->cut > connections->limits.most_per_address &&
	    !replace_own(connections, origin)) {
		connections->counts.turned_away++;
		if (!newcomer->secure)
			send_problem(newcomer->socket, MHD_HTTP_SERVICE_UNAVAILABLE,
				     "too many connections from your address: try again later");
		return NULL;
	}
	return TAKE(origin);
}

/* The lock is held. */
static unsigned int choose_thread(struct connection_register *connections, bool secure)
{
	unsigned int threads = connections->limits.threads;
	unsigned int first = secure ? threads : 0;
	unsigned int *last = &connections->last_threads[secure];
	unsigned int chosen = (*last + 1) % threads;

	for (unsigned int i = 2; i <= threads; i++) {
		unsigned int other = (*last + i) % threads;

		if (connections->on_thread[first + other] < connections->on_thread[first + chosen])
			chosen = other;
	}
	*last = chosen;
	return first + chosen;
}

/* The lock is held. */
static void register_connection(struct connection_register *connections,
				struct connection *connection)
{
	connection->connections = connections;
	connection->next = connections->first;
	connection->link = &connections->first;
	if (connection->next != NULL)
		connection->next->link = &connection->next;
	connections->first = connection;
	connections->counts.open++;
	connection->thread = choose_thread(connections, connection->secure);
	connections->on_thread[connection->thread]++;
}

bool admit_connection(struct connection_register *connections, const struct newcomer *newcomer,
		      unsigned int *ret_thread)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	char origin[ORIGIN_SIZE] = "";
	bool admitted;

	if (connection == NULL)
		return false;
	format_origin(newcomer->address, origin);
	connection->socket = newcomer->socket;
	connection->secure = newcomer->secure;
	connection->begun_ms = read_monotonic_ms();
	pthread_mutex_lock(&connections->lock);
	connection->origin = enter_origin(connections, origin, newcomer);
	admitted = connection->origin != NULL;
	if (admitted) {
		register_connection(connections, connection);
		*ret_thread = connection->thread;
	}
	pthread_mutex_unlock(&connections->lock);
	if (!admitted)
		free(connection);
	return admitted;
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
