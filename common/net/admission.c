#include "common/net/connection.h"

#include "common/net/connection_internal.h"
#include "common/net/problem.h"

#include <microhttpd.h>
#include <stdlib.h>

/* How a connection gets a place in the register. */

enum {
	CLOSING_PART = 16, /* of all that may be open, so many may be about to be closed besides */
	SPARED_MS = 30,    /* a newcomer, whose request may be about to be read */
};

/* Who is ended for a newcomer: the lowest first. */
enum rank { RANK_ENDED, RANK_IDLE, RANK_OTHER };

/* Since when the server waits for the client. */
static int64_t quiet_since(const struct connection *connection)
{
	return connection->heard_ms > connection->begun_ms ? connection->heard_ms
							   : connection->begun_ms;
}

static enum rank rank_connection(const struct connection *connection, int64_t now_ms)
{
	if (connection->ended)
		return RANK_ENDED;
	return connection->phase == CONNECTION_IDLE &&
			       now_ms - quiet_since(connection) >= connection->connections->idle_ms
		       ? RANK_IDLE
		       : RANK_OTHER;
}

static size_t count_left(const struct origin *origin)
{
	return origin->members - origin->cut;
}

/* Whether `a` is to be ended rather than `b`. */
static bool is_more_dispensable(const struct connection *a, const struct connection *b,
				int64_t now_ms)
{
	enum rank rank;

	if (b == NULL)
		return true;
	rank = rank_connection(a, now_ms);
	if (rank != rank_connection(b, now_ms))
		return rank < rank_connection(b, now_ms);
	if (rank == RANK_OTHER && count_left(a->origin) != count_left(b->origin))
		return count_left(a->origin) > count_left(b->origin);
	return quiet_since(a) < quiet_since(b);
}

/*
 * The connection to be ended for a newcomer: of any origin, or an idle one of a given origin. NULL:
 * there is none that has been quiet for spared_ms. It is not looked for among the others
 * then: the request of somebody who has few connections, on a busy machine, may be late.
 */
static struct connection *choose_dispensable(const struct connection_register *connections,
					     const struct origin *origin, int64_t spared_ms)
{
	struct connection *chosen = NULL;
	int64_t now_ms = read_monotonic_ms();

	for (struct connection *each = connections->first; each != NULL; each = each->next)
		if (each->claimed && !each->cut && !is_busy(each->phase) &&
		    (origin == NULL ||
		     (each->origin == origin && each->phase == CONNECTION_IDLE)) &&
		    is_more_dispensable(each, chosen, now_ms))
			chosen = each;
	return chosen != NULL && now_ms - quiet_since(chosen) >= spared_ms ? chosen : NULL;
}

static void replace(struct connection *connection)
{
	connection->connections->counts.replaced++;
	cut_connection(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
		       "too many connections: try again later");
}

/* Whether there is room for one more connection, after one was ended if need be. Those that are
   about to be closed are not waited for, unless they are many. */
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

/* Ends a connection of the origin that has been idle long enough. false: there is none. */
static bool replace_own(const struct connection_register *connections, const struct origin *origin)
{
	struct connection *chosen = choose_dispensable(connections, origin, connections->idle_ms);

	if (chosen == NULL)
		return false;
	replace(chosen);
	return true;
}

/* NULL: there is no memory, or the origin may not have one more connection, which is told so. */
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
