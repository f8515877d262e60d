#include "common/net/connection.h"

#include "common/base/clock.h"
#include "common/net/http.h"
#include "common/net/problem.h"

#include <microhttpd.h>
#include <netinet/in.h>
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

struct connections {
	pthread_mutex_t lock;
	pthread_cond_t stopping; /* for the thread that watches */
	pthread_cond_t changed;  /* there are fewer connections, or fewer busy ones */
	pthread_t watcher;
	struct connection *first;
	int64_t timeout_ms;
	struct connection_limits limits;
	size_t count;
	size_t busy;       /* connections that are working or answering */
	unsigned int turn; /* the thread that was chosen last */
	bool draining;
	bool stopped;
	size_t on_thread[]; /* of the connections */
};

struct connection {
	struct connections *all;
	struct connection *next;
	struct connection **link; /* what points to this one */
	int64_t since_ms;
	int64_t allowance_ms;   /* beyond the time-out */
	struct in6_addr origin; /* an IPv4 address with zeros behind it */
	int socket;
	unsigned int thread;
	enum connection_phase phase;
	enum connection_phase late; /* CONNECTION_IDLE: not late */
	bool claimed;               /* else the socket may be closed already */
	bool cut;
};

static int64_t read_monotonic_ms(void)
{
	return read_stopwatch_us() / 1000;
}

void send_refusal(int socket, unsigned int status, const char *detail)
{
	CLEANUP(clear_buffer) struct buffer body = {0};
	CLEANUP(clear_buffer) struct buffer answer = {0};
	struct fault fault = {0};

	if (format_problem(status, detail, &body, &fault) == 0) {
		append_format(&answer,
			      "HTTP/1.1 %u %s\r\nConnection: close\r\nContent-Type: %s\r\n"
			      "Content-Length: %zu\r\n\r\n",
			      status, MHD_get_reason_phrase_for(status), CONTENT_PROBLEM, body.len);
		append_bytes(&answer, bytes_of_buffer(&body));
	}
	if (answer.data != NULL && !answer.failed)
		(void)send(socket, answer.data, answer.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)shutdown(socket, SHUT_WR);
}

/* The lock is held, so that the socket cannot be closed, and its number given away, meanwhile. */
static void cut_connection(struct connection *connection)
{
	/* When it is closed, what is still to be sent is thrown away instead of kept in memory. */
	static const struct linger reset = {.l_onoff = 1, .l_linger = 0};

	connection->cut = true;
	connection->late = connection->phase;
	if (connection->phase == CONNECTION_ANSWERING)
		(void)setsockopt(connection->socket, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	else if (connection->phase == CONNECTION_RECEIVING)
		send_refusal(connection->socket, MHD_HTTP_REQUEST_TIMEOUT,
			     "the request did not arrive in time");
	(void)shutdown(connection->socket, SHUT_RDWR);
}

/* The lock is held. */
static void forget_connection(struct connection *connection)
{
	struct connections *all = connection->all;

	*connection->link = connection->next;
	if (connection->next != NULL)
		connection->next->link = connection->link;
	all->count--;
	all->on_thread[connection->thread]--;
	pthread_cond_broadcast(&all->changed);
	free(connection);
}

static bool is_late(const struct connection *connection, int64_t now_ms)
{
	int64_t allowed_ms = connection->all->timeout_ms;

	/* A server that is being stopped does not wait for those who read slowly. */
	if (!connection->all->draining)
		allowed_ms += connection->allowance_ms;
	return connection->phase != CONNECTION_WORKING &&
	       now_ms - connection->since_ms >= allowed_ms;
}

static void cut_late_connections(struct connections *connections)
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
			forget_connection(each);
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
	struct connections *connections = argument;
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

int new_connections(const struct connection_limits *limits, struct connections **ret_connections,
		    struct fault *fault)
{
	struct connections *connections =
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
		free_connections(&connections);
		return set_fault(fault, FAULT_FAILED, "no thread can be started");
	}
	*ret_connections = connections;
	return 0;
}

void free_connections(struct connections **pointer)
{
	struct connections *connections = TAKE(*pointer);
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
	struct connections *all = connection->all;

	all->busy += is_busy(phase);
	all->busy -= is_busy(connection->phase);
	connection->phase = phase;
	connection->since_ms = read_monotonic_ms();
	connection->allowance_ms = 0;
	if (all->busy == 0)
		pthread_cond_broadcast(&all->changed);
}

size_t count_connections(struct connections *connections)
{
	size_t count;

	pthread_mutex_lock(&connections->lock);
	count = connections->count;
	pthread_mutex_unlock(&connections->lock);
	return count;
}

bool await_room(struct connections *connections)
{
	bool room;

	pthread_mutex_lock(&connections->lock);
	while (!connections->draining && connections->count >= connections->limits.most)
		pthread_cond_wait(&connections->changed, &connections->lock);
	room = !connections->draining;
	pthread_mutex_unlock(&connections->lock);
	return room;
}

static struct in6_addr read_origin(const struct sockaddr *address)
{
	struct in6_addr origin = {0};
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (address->sa_family == AF_INET) {
		memcpy(&v4, address, sizeof(v4));
		memcpy(&origin, &v4.sin_addr, sizeof(v4.sin_addr));
	} else if (address->sa_family == AF_INET6) {
		memcpy(&v6, address, sizeof(v6));
		origin = v6.sin6_addr;
	}
	return origin;
}

/* The lock is held. */
static bool has_room_for(const struct connections *connections, const struct in6_addr *origin)
{
	unsigned int count = 0;

	for (const struct connection *each = connections->first; each != NULL; each = each->next)
		count += memcmp(&each->origin, origin, sizeof(*origin)) == 0;
	return !connections->draining && count < connections->limits.most_per_address;
}

/* The lock is held. */
static unsigned int choose_thread(struct connections *connections)
{
	unsigned int threads = connections->limits.threads;
	unsigned int chosen = (connections->turn + 1) % threads;

	for (unsigned int i = 2; i <= threads; i++) {
		unsigned int other = (connections->turn + i) % threads;

		if (connections->on_thread[other] < connections->on_thread[chosen])
			chosen = other;
	}
	connections->turn = chosen;
	return chosen;
}

/* The lock is held. */
static void register_connection(struct connections *connections, struct connection *connection)
{
	connection->all = connections;
	connection->next = connections->first;
	connection->link = &connections->first;
	if (connection->next != NULL)
		connection->next->link = &connection->next;
	connections->first = connection;
	connections->count++;
	connection->thread = choose_thread(connections);
	connections->on_thread[connection->thread]++;
}

bool admit_connection(struct connections *connections, int socket, const struct sockaddr *address,
		      unsigned int *ret_thread)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	bool admitted;

	if (connection == NULL)
		return false;
	connection->origin = read_origin(address);
	connection->socket = socket;
	connection->since_ms = read_monotonic_ms();
	pthread_mutex_lock(&connections->lock);
	admitted = has_room_for(connections, &connection->origin);
	if (admitted) {
		register_connection(connections, connection);
		*ret_thread = connection->thread;
	}
	pthread_mutex_unlock(&connections->lock);
	if (!admitted)
		free(connection);
	return admitted;
}

struct connection *claim_connection(struct connections *connections, int socket)
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

void close_connection(struct connection *connection)
{
	struct connections *all;

	if (connection == NULL)
		return;
	all = connection->all;
	pthread_mutex_lock(&all->lock);
	set_phase(connection, CONNECTION_IDLE);
	forget_connection(connection);
	pthread_mutex_unlock(&all->lock);
}

/* The lock is held. */
static bool try_phase(struct connection *connection, enum connection_phase phase)
{
	if (connection->all->draining && !is_busy(connection->phase))
		return false;
	set_phase(connection, phase);
	return true;
}

bool enter_phase(struct connection *connection, enum connection_phase phase)
{
	bool entered;

	pthread_mutex_lock(&connection->all->lock);
	entered = try_phase(connection, phase);
	pthread_mutex_unlock(&connection->all->lock);
	return entered;
}

bool enter_answering(struct connection *connection, size_t len, bool *ret_last)
{
	struct connections *all = connection->all;
	bool entered;

	pthread_mutex_lock(&all->lock);
	entered = try_phase(connection, CONNECTION_ANSWERING);
	if (entered)
		connection->allowance_ms = (int64_t)(len / SLOWEST_PER_MS);
	*ret_last = all->draining;
	pthread_mutex_unlock(&all->lock);
	return entered;
}

enum connection_phase leave_request(struct connection *connection)
{
	enum connection_phase late;

	pthread_mutex_lock(&connection->all->lock);
	late = connection->late;
	set_phase(connection, CONNECTION_IDLE);
	pthread_mutex_unlock(&connection->all->lock);
	return late;
}

void begin_draining(struct connections *connections)
{
	pthread_mutex_lock(&connections->lock);
	connections->draining = true;
	pthread_cond_broadcast(&connections->changed);
	pthread_mutex_unlock(&connections->lock);
}

void drain_connections(struct connections *connections)
{
	pthread_mutex_lock(&connections->lock);
	while (connections->busy > 0)
		pthread_cond_wait(&connections->changed, &connections->lock);
	while (connections->count > 0) {
		/* Again each time: one may have been claimed only now. */
		for (struct connection *each = connections->first; each != NULL; each = each->next)
			if (each->claimed)
				(void)shutdown(each->socket, SHUT_RDWR);
		pthread_cond_wait(&connections->changed, &connections->lock);
	}
	pthread_mutex_unlock(&connections->lock);
}
