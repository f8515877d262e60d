#include "common/net/server.h"

#include "common/base/file.h"
#include "common/base/periodic_thread.h"
#include "common/base/workers.h"
#include "common/net/acceptor.h"
#include "common/net/http_transaction.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	CONNECTIONS = 1024,
	WAKE_MS = 500,
	EVENTS_AT_ONCE = 128, /* that libmicrohttpd takes from the kernel */
};

/* Of one connection, in octets. A head that does not fit into half of it is refused by
   libmicrohttpd itself, with 414 or 431 and a page of HTML: it has no hook before it sends that,
   and its logger is not told for which connection. */
static const size_t connection_memory = 32768;

struct http_server {
	struct server_state state;
	struct endpoint_list endpoints;
	struct acceptor *acceptor;
	struct periodic_thread *waker;
	unsigned int thread_count;    /* for plain connections; as many again for secure ones */
	struct MHD_Daemon *daemons[]; /* with one thread each; NULL: not needed */
};

/* At most half of the descriptors: the rest of the process has to open files, too. */
static unsigned int default_connections(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur / 2 >= CONNECTIONS)
		return CONNECTIONS;
	return limit.rlim_cur >= 4 ? (unsigned int)limit.rlim_cur / 2 : 2;
}

static void set_defaults(struct http_server_settings *settings)
{
	if (settings->most_connections == 0)
		settings->most_connections = default_connections();
	if (settings->most_per_address == 0)
		settings->most_per_address = 256;
	if (settings->request_timeout_s == 0)
		settings->request_timeout_s = 30;
	if (settings->most_pending == 0)
		settings->most_pending = CONNECTIONS;
	if (settings->most_of_client == 0)
		settings->most_of_client = 32;
	if (settings->most_body_octets == 0)
		settings->most_body_octets = (size_t)256 << 20;
}

/* Logs a message of libmicrohttpd, which it would otherwise write to stderr. */
__attribute__((format(printf, 2, 0))) static void
log_library_message(void *context, const char *format, va_list arguments)
{
	const struct http_server_settings *settings = context;
	char text[FAULT_TEXT_SIZE];
	char *page;

	if (settings->log == NULL)
		return;
	(void)vsnprintf(text, sizeof(text), format, arguments);
	/* This is how it calls a failed handshake; tls_connection.h logs the reason. */
	if (strstr(text, "handshake message out of context") != NULL)
		return;
	text[strcspn(text, "\n")] = '\0';
	page = strstr(text, " ('<"); /* it quotes the page of HTML that it answers with */
	if (page != NULL)
		(void)snprintf(page, sizeof(text) - (size_t)(page - text), ")");
	mask_control_characters(text);
	settings->log(settings->log_context, "", "", 0, text);
}

/* *ret_registered is NULL for a connection that the register does not know. */
static void claim(struct server_state *server, struct MHD_Connection *mhd, void **ret_registered)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	gnutls_session_t session = tls_session_of(mhd);
	int socket = info != NULL ? info->connect_fd : -1;
	struct connection *connection = claim_connection(server->connections, socket);

	*ret_registered = connection;
	if (session == NULL)
		return;
	if (connection == NULL)
		refuse_tls(session);
	else
		*connection_tls(connection) =
			begin_tls(&server->tls, session, socket, connection_origin(connection));
}

/* libmicrohttpd's callback for a new or closed connection. */
static void track_connection(void *context, struct MHD_Connection *connection, void **registered,
			     enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		claim(context, connection, registered);
	} else if (*registered != NULL) {
		end_tls(connection_tls(*registered));
		close_connection(*registered);
	}
}

/*
 * With epoll, libmicrohttpd (0.9.75) asks GnuTLS without a pause to go on with a handshake whose
 * next octets have not come: one client that stops there would take a core.
 */
static struct MHD_Daemon *start_daemon(struct server_state *state, bool secure)
{
	unsigned int flags = MHD_USE_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG;
	const struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)tls_priorities(&state->tls)},
		{MHD_OPTION_HTTPS_CERT_CALLBACK2, 0, (void *)(uintptr_t)show_tls_identity},
		{MHD_OPTION_END, 0, NULL},
	};
	const struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};

	/* The register bounds the connections: each thread may have all of them. */
	return MHD_start_daemon(
		secure ? flags | MHD_USE_TLS | MHD_USE_POLL_INTERNAL_THREAD
		       : flags | MHD_USE_EPOLL_INTERNAL_THREAD,
		0, NULL, NULL, continue_http_transaction, state, MHD_OPTION_EXTERNAL_LOGGER,
		log_library_message, &state->settings, MHD_OPTION_CONNECTION_LIMIT,
		2 * state->settings.most_connections, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		connection_memory, MHD_OPTION_STRICT_FOR_CLIENT, 0, MHD_OPTION_URI_LOG_CALLBACK,
		begin_http_transaction, state, MHD_OPTION_NOTIFY_COMPLETED, end_http_transaction,
		state, MHD_OPTION_NOTIFY_CONNECTION, track_connection, state, MHD_OPTION_ARRAY,
		secure ? tls : none, MHD_OPTION_END);
}

/* By a connection that has ended already, which libmicrohttpd closes at once. */
static void wake_thread(struct MHD_Daemon *daemon)
{
	const struct sockaddr nobody = {.sa_family = AF_UNIX};
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
		return;
	close_descriptor(&ends[0]);
	(void)MHD_add_connection(daemon, ends[1], &nobody, sizeof(nobody));
}

/*
 * After exactly 128 events at once, or 256, libmicrohttpd (0.9.75) waits for one more, however long
 * that takes, before it looks at any of them: so many requests would have no answer, so many
 * connections that were shut down would stay open.
 */
static void wake_crowded_threads(void *context)
{
	struct http_server *server = context;

	/* One event more may be libmicrohttpd's own. Threads for secure connections have no epoll.
	 */
	for (unsigned int i = 0; i < server->thread_count; i++)
		if (count_on_thread(server->state.connections, i) >= EVENTS_AT_ONCE - 1)
			wake_thread(server->daemons[i]);
}

/*
 * All connections are closed before libmicrohttpd is stopped: it crashes (0.9.75) if a request that
 * it cannot parse arrives meanwhile.
 */
void stop_http_server(struct http_server **pointer)
{
	struct http_server *server = TAKE(*pointer);

	if (server == NULL)
		return;
	if (server->acceptor != NULL) {
		begin_draining(server->state.connections);
		stop_acceptor(&server->acceptor);
		drain_connections(server->state.connections);
	}
	stop_periodic_thread(&server->waker);
	/* First the one that submits work to the others. */
	free_work_queue(&server->state.sender_work);
	free_work_queue(&server->state.work);
	free_work_queue(&server->state.prompt_work);
	free_work_queue(&server->state.joint_work);
	free_work_queue(&server->state.lookup_work);
	for (unsigned int i = 0; i < 2 * server->thread_count; i++)
		if (server->daemons[i] != NULL)
			MHD_stop_daemon(server->daemons[i]);
	free_connection_register(&server->state.connections);
	free_body_budget(&server->state.bodies);
	free_route_counters(&server->state.counters);
	clear_tls_server(&server->state.tls);
	free(server);
}

/* Whether it is for both kinds of connection. */
static int find_kinds(struct server_state *state, struct fault *fault)
{
	const struct endpoint_list *listen = &state->settings.listen;

	for (size_t i = 0; i < listen->count; i++) {
		state->has_secure |= listen->endpoints[i].secure;
		state->has_plain |= !listen->endpoints[i].secure;
	}
	if (!state->has_secure)
		return 0;
	if (state->settings.tls == NULL)
		return set_fault(fault, FAULT_FAILED,
				 "an https endpoint needs a certificate, and there is none");
	return init_tls_server(&state->tls, &state->settings, fault);
}

static bool any_joint_work(const struct http_route *routes)
{
	while (routes->path != NULL && routes->work != WORK_JOINT)
		routes++;
	return routes->path != NULL;
}

static int init_server_state(struct server_state *state, unsigned int threads, struct fault *fault)
{
	const struct http_server_settings *settings = &state->settings;
	const struct connection_limits limits = {.timeout_s = settings->request_timeout_s,
						 .most = settings->most_connections,
						 .most_per_address = settings->most_per_address,
						 .threads = threads,
						 .patience_ms = settings->patience_ms};
	const struct work_queue_limits work = {.workers = threads,
					       .most = settings->most_pending,
					       .most_of_owner = settings->most_of_client};
	const struct work_queue_limits prompt = {.workers = threads,
						 .most = settings->most_pending,
						 .most_of_owner = settings->most_of_client};
	const struct work_queue_limits joint = {.workers = JOINT_WORKERS,
						.most = settings->most_pending,
						.most_of_owner = settings->most_of_client};
	const struct work_queue_limits lookup = {.workers = LOOKUP_WORKERS,
						 .most = settings->most_pending,
						 .most_of_owner = settings->most_of_client};
	/* What one look finds out is at hand for the next. */
	const struct work_queue_limits sender = {.workers = 1,
						 .most = settings->most_pending,
						 .most_of_owner = settings->most_of_client};

	if (find_kinds(state, fault) < 0)
		return -1;
	state->counters = new_route_counters(settings->routes);
	if (state->counters == NULL)
		return set_memory_fault(fault);
	if (new_connection_register(&limits, &state->connections, fault) < 0 ||
	    new_body_budget(settings->most_body_octets, &state->bodies, fault) < 0 ||
	    new_work_queue(&work, &state->work, fault) < 0 ||
	    (any_joint_work(settings->routes) &&
	     new_work_queue(&joint, &state->joint_work, fault) < 0) ||
	    (settings->lookups_wait && (new_work_queue(&lookup, &state->lookup_work, fault) < 0 ||
					new_work_queue(&sender, &state->sender_work, fault) < 0)))
		return -1;
	return new_work_queue(&prompt, &state->prompt_work, fault);
}

/* Those for plain connections first. */
static int start_daemons(struct http_server *server, struct fault *fault)
{
	for (unsigned int i = 0; i < 2 * server->thread_count; i++) {
		bool secure = i >= server->thread_count;

		if (secure ? !server->state.has_secure : !server->state.has_plain)
			continue;
		server->daemons[i] = start_daemon(&server->state, secure);
		if (server->daemons[i] == NULL)
			return set_fault(fault, FAULT_FAILED,
					 "libmicrohttpd cannot start its threads, its epoll or "
					 "its TLS");
	}
	return 0;
}

int start_http_server(const struct http_server_settings *settings, struct http_server **ret_server,
		      struct fault *fault)
{
	const unsigned int threads = count_cores();
	CLEANUP(stop_http_server)
	struct http_server *server =
		calloc(1, sizeof(*server) + 2 * threads * sizeof(struct MHD_Daemon *));
	CLEANUP(close_listeners) struct listeners listeners = {0};
	struct acceptor_settings acceptor;

	if (server == NULL)
		return set_memory_fault(fault);
	server->thread_count = threads;
	server->state.settings = *settings;
	set_defaults(&server->state.settings);
	if (open_listeners(&settings->listen, &listeners, &server->endpoints, fault) < 0 ||
	    init_server_state(&server->state, threads, fault) < 0 ||
	    start_daemons(server, fault) < 0)
		return -1;
	if (start_periodic_thread(WAKE_MS, wake_crowded_threads, server, &server->waker, fault) < 0)
		return -1;
	acceptor = (struct acceptor_settings){listeners, server->daemons, server->state.connections,
					      &server->state.settings};
	if (start_acceptor(&acceptor, &server->acceptor, fault) < 0)
		return -1;
	listeners.count = 0;
	*ret_server = TAKE(server);
	return 0;
}

const struct endpoint_list *http_server_endpoints(const struct http_server *server)
{
	return &server->endpoints;
}

struct connection_counts count_http_connections(struct http_server *server)
{
	return count_connections(server->state.connections);
}

struct tls_counts count_tls_handshakes(const struct http_server *server)
{
	const struct tls_server *tls = &server->state.tls;

	return (struct tls_counts){atomic_load(&tls->full), atomic_load(&tls->resumed),
				   atomic_load(&tls->failed)};
}

size_t copy_http_statistics(struct http_server *server, struct route_statistics *ret_rows,
			    size_t most)
{
	return copy_route_counters(server->state.counters, ret_rows, most);
}
