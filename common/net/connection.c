#include "common/net/connection.h"

#include "common/base/clock.h"
#include "common/net/origin.h"
#include "common/net/problem.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	LATENESS_MAX_MS = 1000,
	NS_PER_MS = 1000000,
	MS_PER_S = 1000,
	SLOWEST_PER_MS = 262, /* octets: some 256 KiB a second */
};

struct connection_register {
	pthread_mutex_t lock;
	pthread_cond_t stopping; /* for the watching thread */
	pthread_cond_t changed;  /* fewer connections, or fewer busy ones */
	pthread_t watcher;
	struct connection *first;
	int64_t timeout_ms;
	struct connection_limits limits;
	size_t count;
	size_t busy;              /* connections that are working or answering */
	unsigned int last_thread; /* chosen for the newest connection */
	bool draining;
	bool stopped;
	size_t on_thread[]; /* the number of its connections */
};

struct connection {
	struct connection_register *connections;
	struct connection *next;
	struct connection **link; /* the pointer to this connection */
	int64_t begun_ms;
	int64_t allowance_ms; /* in addition to the time-out */
	char origin[ORIGIN_SIZE];
	int socket;
	unsigned int thread;
	enum connection_phase phase;
	enum connection_phase late_phase; /* the missed deadline; CONNECTION_IDLE: none */
	bool claimed;                     /* if not, the socket may be closed already */
	bool cut;
};

static int64_t read_monotonic_ms(void)
{
	return read_stopwatch_us() / 1000;
}

/* The lock is held, so that the socket cannot be closed and its number reused meanwhile. */
static void cut_connection(struct connection *connection)
{
	/* close() then discards the rest of the answer instead of keeping it in memory. */
	static const struct linger reset = {.l_onoff = 1, .l_linger = 0};

	connection->cut = true;
	connection->late_phase = connection->phase;
	if (connection->phase == CONNECTION_ANSWERING)
		(void)setsockopt(connection->socket, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	else if (connection->phase == CONNECTION_RECEIVING)
		send_problem(connection->socket, MHD_HTTP_REQUEST_TIMEOUT,
			     "the request did not arrive in time");
	(void)shutdown(connection->socket, SHUT_RDWR);
}

/* The lock is held. */
static void unregister_connection(struct connection *connection)
{
	struct connection_register *connections = connection->connections;

	*connection->link = connection->next;
	if (connection->next != NULL)
		connection->next->link = connection->link;
	connections->count--;
	connections->on_thread[connection->thread]--;
	pthread_cond_broadcast(&connections->changed);
	free(connection);
}

static bool is_late(const struct connection *connection, int64_t now_ms)
{
	int64_t allowed_ms = connection->connections->timeout_ms;

	/* A stopping server does not wait for slow readers. */
	if (!connection->connections->draining)
		allowed_ms += connection->allowance_ms;
	return connection->phase != CONNECTION_WORKING &&
	       now_ms - connection->begun_ms >= allowed_ms;
}

static void cut_late_connections(struct connection_register *connections)
{
	int64_t now_ms = read_monotonic_ms();
	struct connection *next;

	for (struct connection *each = connections->first; each != NULL; each = next) {
		next = each->next;
		if (each->cut || !is_late(each, now_ms))
			continue;
		if (each->claimed)
			cut_connection(each);
		else
			unregister_connection(each);
	}
}

static struct timespec add_ms(struct timespec time, int64_t ms)
{
	int64_t ns = time.tv_nsec + ms % MS_PER_S * NS_PER_MS;

	time.tv_sec += (time_t)(ms / MS_PER_S + ns / (MS_PER_S * NS_PER_MS));
	time.tv_nsec = (long)(ns % (MS_PER_S * NS_PER_MS));
	return time;
}

static void *watch_connections(void *argument)
{
	struct connection_register *connections = argument;
	int64_t step_ms = connections->timeout_ms / 8;
	struct timespec wake;

	if (step_ms > LATENESS_MAX_MS)
		step_ms = LATENESS_MAX_MS;
	pthread_mutex_lock(&connections->lock);
	while (!connections->stopped) {
		cut_late_connections(connections);
		(void)clock_gettime(CLOCK_MONOTONIC, &wake);
		wake = add_ms(wake, step_ms);
		(void)pthread_cond_timedwait(&connections->stopping, &connections->lock, &wake);
	}
	pthread_mutex_unlock(&connections->lock);
	return NULL;
}

int new_connection_register(const struct connection_limits *limits,
			    struct connection_register **ret_connections, struct fault *fault)
{
	struct connection_register *connections =
		calloc(1, sizeof(*connections) + limits->threads * sizeof(size_t));
	pthread_condattr_t monotonic;

	if (connections == NULL)
		return set_memory_fault(fault);
	connections->limits = *limits;
	connections->timeout_ms = (int64_t)limits->timeout_s * MS_PER_S;
	pthread_mutex_init(&connections->lock, NULL);
	pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&connections->stopping, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_cond_init(&connections->changed, NULL);
	if (pthread_create(&connections->watcher, NULL, watch_connections, connections) != 0) {
		connections->stopped = true;
		free_connection_register(&connections);
		return set_fault(fault, FAULT_FAILED, "no thread can be started");
	}
	*ret_connections = connections;
	return 0;
}

void free_connection_register(struct connection_register **pointer)
{
	struct connection_register *connections = TAKE(*pointer);
	bool started;

	if (connections == NULL)
		return;
	pthread_mutex_lock(&connections->lock);
	started = !connections->stopped;
	connections->stopped = true;
	pthread_cond_signal(&connections->stopping);
	pthread_mutex_unlock(&connections->lock);
	if (started)
		(void)pthread_join(connections->watcher, NULL);
	pthread_cond_destroy(&connections->changed);
	pthread_cond_destroy(&connections->stopping);
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
	if (connections->busy == 0)
		pthread_cond_broadcast(&connections->changed);
}

size_t count_connections(struct connection_register *connections)
{
	size_t count;

	pthread_mutex_lock(&connections->lock);
	count = connections->count;
	pthread_mutex_unlock(&connections->lock);
	return count;
}

bool await_connection_room(struct connection_register *connections)
{
	bool room;

	pthread_mutex_lock(&connections->lock);
	while (!connections->draining && connections->count >= connections->limits.most)
		pthread_cond_wait(&connections->changed, &connections->lock);
	room = !connections->draining;
	pthread_mutex_unlock(&connections->lock);
	return room;
}

/* The lock is held. */
static bool may_admit(const struct connection_register *connections, const char *origin)
{
	unsigned int count = 0;

	for (const struct connection *each = connections->first; each != NULL; each = each->next)
		count += strcmp(each->origin, origin) == 0;
	return !connections->draining && count < connections->limits.most_per_address;
}

/* The lock is held. */
static unsigned int choose_thread(struct connection_register *connections)
{
	unsigned int threads = connections->limits.threads;
	unsigned int chosen = (connections->last_thread + 1) % threads;

	for (unsigned int i = 2; i <= threads; i++) {
		unsigned int other = (connections->last_thread + i) % threads;

		if (connections->on_thread[other] < connections->on_thread[chosen])
			chosen = other;
	}
	connections->last_thread = chosen;
	return chosen;
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
	connections->count++;
	connection->thread = choose_thread(connections);
	connections->on_thread[connection->thread]++;
}

bool admit_connection(struct connection_register *connections, int socket,
		      const struct sockaddr *address, unsigned int *ret_thread)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	bool admitted;

	if (connection == NULL)
		return false;
	format_origin(address, connection->origin);
	connection->socket = socket;
	connection->begun_ms = read_monotonic_ms();
	pthread_mutex_lock(&connections->lock);
	admitted = may_admit(connections, connection->origin);
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
	return connection->origin;
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

bool enter_answering_phase(struct connection *connection, size_t len, bool *ret_last)
{
	struct connection_register *connections = connection->connections;
	bool entered;

	pthread_mutex_lock(&connections->lock);
	entered = set_phase_unless_draining(connection, CONNECTION_ANSWERING);
	if (entered)
		connection->allowance_ms = (int64_t)(len / SLOWEST_PER_MS);
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
	while (connections->count > 0) {
		/* Repeated each time, since another connection may have been claimed. */
		for (struct connection *each = connections->first; each != NULL; each = each->next)
			if (each->claimed)
				(void)shutdown(each->socket, SHUT_RDWR);
		pthread_cond_wait(&connections->changed, &connections->lock);
	}
	pthread_mutex_unlock(&connections->lock);
}
