#include "common/net/server.h"

#include "common/base/file.h"
#include "common/net/exchange.h"
#include "common/net/listener.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 1024 };

/* Of one connection: a head that does not fit into half of it is refused. */
static const size_t connection_memory = 32768;

struct http_server {
	struct service service;
	struct endpoint endpoint;
	struct MHD_Daemon *daemon;
};

/* The rest of the process needs descriptors too, or it could not even open its own files. */
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
		settings->most_pending = 64;
	if (settings->most_body_octets == 0)
		settings->most_body_octets = (size_t)256 << 20;
}

/* What libmicrohttpd has to say, which by itself it would write to stderr. */
__attribute__((format(printf, 2, 0))) static void pass_on(void *context, const char *format,
							  va_list arguments)
{
	const struct http_server_settings *settings = context;
	char text[FAULT_TEXT_SIZE];

	if (settings->log == NULL)
		return;
	(void)vsnprintf(text, sizeof(text), format, arguments);
	text[strcspn(text, "\n")] = '\0';
	mask_control_characters(text);
	settings->log(settings->log_context, "", "", 0, text);
}

static struct MHD_Daemon *start_daemon(struct service *service, int listener)
{
	const struct http_server_settings *settings = &service->settings;
	unsigned int flags =
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_SUSPEND_RESUME | MHD_USE_ERROR_LOG;

	return MHD_start_daemon(
		flags, 0, NULL, NULL, continue_exchange, service, MHD_OPTION_EXTERNAL_LOGGER,
		pass_on, &service->settings, MHD_OPTION_LISTEN_SOCKET, listener,
		MHD_OPTION_THREAD_POOL_SIZE, count_cores(), MHD_OPTION_CONNECTION_LIMIT,
		settings->most_connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		settings->most_per_address, MHD_OPTION_CONNECTION_MEMORY_LIMIT, connection_memory,
		MHD_OPTION_STRICT_FOR_CLIENT, 0, MHD_OPTION_URI_LOG_CALLBACK, begin_exchange,
		service, MHD_OPTION_NOTIFY_COMPLETED, end_exchange, service,
		MHD_OPTION_NOTIFY_CONNECTION, notice_connection, service, MHD_OPTION_END);
}

static void release_server(struct http_server **pointer)
{
	struct http_server *server = TAKE(*pointer);

	if (server == NULL)
		return;
	free_work_queue(&server->service.queue);
	if (server->daemon != NULL)
		MHD_stop_daemon(server->daemon);
	free_connections(&server->service.connections);
	free(server);
}

int start_http_server(const struct http_server_settings *settings, struct http_server **ret_server,
		      struct fault *fault)
{
	CLEANUP(release_server) struct http_server *server = calloc(1, sizeof(*server));
	CLEANUP(close_descriptor) int listener = -1;
	struct service *service;

	if (server == NULL)
		return set_memory_fault(fault);
	service = &server->service;
	service->settings = *settings;
	set_defaults(&service->settings);
	if (open_listener(&settings->endpoint, &listener, &server->endpoint, fault) < 0 ||
	    new_connections(service->settings.request_timeout_s, &service->connections, fault) <
		    0 ||
	    new_work_queue(count_cores(), service->settings.most_pending, &service->queue, fault) <
		    0)
		return -1;
	server->daemon = start_daemon(service, listener);
	if (server->daemon == NULL)
		return set_fault(fault, FAULT_FAILED,
				 "libmicrohttpd cannot start its threads or its epoll");
	listener = -1;
	*ret_server = TAKE(server);
	return 0;
}

const struct endpoint *http_server_endpoint(const struct http_server *server)
{
	return &server->endpoint;
}

void stop_http_server(struct http_server **pointer)
{
	struct http_server *server = TAKE(*pointer);
	CLEANUP(close_descriptor) int listener = -1;

	if (server == NULL)
		return;
	listener = MHD_quiesce_daemon(server->daemon);
	/* libmicrohttpd wants it open to the end, but whoever connects now must not wait for us. */
	(void)shutdown(listener, SHUT_RDWR);
	drain_connections(server->service.connections);
	release_server(&server);
}
