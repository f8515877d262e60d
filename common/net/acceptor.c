#include "common/net/acceptor.h"

#include "common/base/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PAUSE_MS = 100,
	SEND_OCTETS = 65536, /* the kernel reserves twice as much */
	UNREAD_MAX_MS = 30000,
};

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_storage all;
};

static void free_addresses(struct addrinfo **addresses)
{
	if (*addresses != NULL)
		freeaddrinfo(*addresses);
	*addresses = NULL;
}

static int find_addresses(const struct endpoint *endpoint, struct addrinfo **ret_addresses,
			  struct fault *fault)
{
	const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
				       .ai_family = AF_UNSPEC,
				       .ai_socktype = SOCK_STREAM};
	char port[8];
	int error;

	(void)snprintf(port, sizeof(port), "%u", (unsigned int)endpoint->port);
	error = getaddrinfo(endpoint->host, port, &hints, ret_addresses);
	if (error == 0)
		return 0;
	*ret_addresses = NULL;
	return set_fault(fault, FAULT_FAILED,
			 "no address is known for the host %s (%s): check the endpoint",
			 endpoint->host, gai_strerror(error));
}

/*
 * What the accepted connections inherit: a bound on the memory that the kernel has for an answer,
 * and on the time for which it keeps octets that the other side does not read, even after the
 * connection is closed.
 */
static int bound_sending(int descriptor)
{
	const int octets = SEND_OCTETS;
	const unsigned int unread_ms = UNREAD_MAX_MS;

	if (setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &octets, sizeof(octets)) < 0)
		return -1;
	return setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &unread_ms, sizeof(unread_ms));
}

static int listen_at(const struct addrinfo *address, int *ret_socket)
{
	CLEANUP(close_descriptor)
	int descriptor = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const int on = 1;

	if (descriptor < 0)
		return -1;
	/* Allows a restart while connections of the previous server are in TIME_WAIT. */
	if (setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -1;
	if (address->ai_family == AF_INET6 &&
	    setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return -1;
	if (bound_sending(descriptor) < 0)
		return -1;
	if (bind(descriptor, address->ai_addr, address->ai_addrlen) < 0 ||
	    listen(descriptor, SOMAXCONN) < 0)
		return -1;
	*ret_socket = descriptor;
	descriptor = -1;
	return 0;
}

static int read_port(int descriptor, uint16_t *ret_port)
{
	union address address = {0};
	socklen_t len = sizeof(address);

	if (getsockname(descriptor, &address.any, &len) < 0)
		return -1;
	*ret_port = ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port
							    : address.v4.sin_port);
	return 0;
}

static int refuse_to_listen(const struct endpoint *endpoint, struct fault *fault)
{
	char text[ENDPOINT_TEXT_SIZE];
	int number = errno;

	format_endpoint(endpoint, text);
	if (number == EADDRINUSE)
		return set_fault(fault, FAULT_BUSY,
				 "%s: another process already listens there: stop it, or choose "
				 "another port",
				 text);
	errno = number;
	return set_errno_fault(fault, "%s: cannot listen there", text);
}

int open_listener(const struct endpoint *endpoint, int *ret_socket, struct endpoint *ret_bound,
		  struct fault *fault)
{
	CLEANUP(free_addresses) struct addrinfo *addresses = NULL;
	CLEANUP(close_descriptor) int descriptor = -1;
	struct endpoint bound = *endpoint;

	if (find_addresses(endpoint, &addresses, fault) < 0)
		return -1;
	for (struct addrinfo *address = addresses; address != NULL && descriptor < 0;
	     address = address->ai_next)
		if (listen_at(address, &descriptor) < 0)
			descriptor = -1;
	if (descriptor < 0 || read_port(descriptor, &bound.port) < 0)
		return refuse_to_listen(endpoint, fault);
	*ret_bound = bound;
	*ret_socket = descriptor;
	descriptor = -1;
	return 0;
}

struct acceptor {
	struct acceptor_settings settings;
	pthread_t thread;
};

static void hand_to_thread(struct acceptor *acceptor, int *descriptor, const union address *address,
			   socklen_t len)
{
	const struct acceptor_settings *settings = &acceptor->settings;
	unsigned int thread = 0;

	if (!admit_connection(settings->connections, *descriptor, &address->any, &thread)) {
		close_descriptor(descriptor);
		return;
	}
	/* On failure it closes the socket; the register drops an unclaimed connection in time. */
	(void)MHD_add_connection(settings->daemons[thread], *descriptor, &address->any, len);
	*descriptor = -1;
}

/* Logs that descriptors or memory are exhausted, and waits before the next attempt. */
static void wait_for_descriptors(const struct acceptor *acceptor, int number)
{
	const struct http_server_settings *server = acceptor->settings.server;
	struct fault fault = {0};

	errno = number;
	(void)set_errno_fault(&fault, "a connection cannot be accepted");
	if (server->log != NULL)
		server->log(server->log_context, "", "", 0, fault.text);
	(void)poll(NULL, 0, PAUSE_MS);
}

/* Waits for a connection first, and then makes room for it. false: the server is stopping. */
static bool accept_one(struct acceptor *acceptor)
{
	struct pollfd listener = {.fd = acceptor->settings.listener, .events = POLLIN};
	union address address = {0};
	socklen_t len = sizeof(address);
	int descriptor;

	(void)poll(&listener, 1, -1);
	if (!await_connection_room(acceptor->settings.connections))
		return false;
	descriptor = accept4(listener.fd, &address.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (descriptor >= 0)
		hand_to_thread(acceptor, &descriptor, &address, len);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
		wait_for_descriptors(acceptor, errno);
	return true;
}

static void *accept_connections(void *argument)
{
	while (accept_one(argument))
		continue;
	return NULL;
}

int start_acceptor(const struct acceptor_settings *settings, struct acceptor **ret_acceptor,
		   struct fault *fault)
{
	struct acceptor *acceptor = calloc(1, sizeof(*acceptor));

	if (acceptor == NULL)
		return set_memory_fault(fault);
	acceptor->settings = *settings;
	if (pthread_create(&acceptor->thread, NULL, accept_connections, acceptor) != 0) {
		free(acceptor);
		return set_fault(fault, FAULT_FAILED, "no thread can be started");
	}
	*ret_acceptor = acceptor;
	return 0;
}

void stop_acceptor(struct acceptor **pointer)
{
	struct acceptor *acceptor = TAKE(*pointer);

	if (acceptor == NULL)
		return;
	/* Wakes the thread, and ends the connections in the backlog. */
	(void)shutdown(acceptor->settings.listener, SHUT_RDWR);
	(void)pthread_join(acceptor->thread, NULL);
	close_descriptor(&acceptor->settings.listener);
	free(acceptor);
}
