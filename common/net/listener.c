#include "common/net/listener.h"

#include "common/base/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	SEND_OCTETS = 65536, /* the kernel reserves twice as much */
	UNREAD_MAX_MS = 30000,
	FREE_PORTS_TRIED = 32,
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
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICSERV, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	/* Without a name, getaddrinfo(3) gives both loopback addresses, whatever /etc/hosts has of
	   localhost. */
	bool local = strcmp(endpoint->host, "localhost") == 0;
	char port[8];
	int error;

	(void)snprintf(port, sizeof(port), "%u", (unsigned int)endpoint->port);
	error = getaddrinfo(local ? NULL : endpoint->host, port, &hints, ret_addresses);
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

static void close_from(struct listeners *listeners, size_t first)
{
	while (listeners->count > first)
		close_descriptor(&listeners->sockets[--listeners->count]);
}

void close_listeners(struct listeners *listeners)
{
	close_from(listeners, 0);
}

static void set_port(struct addrinfo *address, uint16_t port)
{
	union address *to = (union address *)(void *)address->ai_addr;

	if (address->ai_family == AF_INET6)
		to->v6.sin6_port = htons(port);
	else
		to->v4.sin_port = htons(port);
}

/* The C library may find an address twice, in /etc/hosts. */
static bool came_before(const struct addrinfo *addresses, const struct addrinfo *address)
{
	for (; addresses != address; addresses = addresses->ai_next)
		if (addresses->ai_addrlen == address->ai_addrlen &&
		    memcmp(addresses->ai_addr, address->ai_addr, address->ai_addrlen) == 0)
			return true;
	return false;
}

/* This machine may have no IPv6, or not all addresses of a name that several machines have. */
static bool is_not_here(int number)
{
	return number == EADDRNOTAVAIL || number == EAFNOSUPPORT;
}

/* Listens at all addresses that are here, on one port, which a port 0 becomes at the first of them.
   -1 with errno: at none of them, or one of them cannot be had. */
static int listen_at_all(struct addrinfo *addresses, bool secure, struct listeners *listeners,
			 uint16_t *port)
{
	size_t before = listeners->count;

	for (struct addrinfo *each = addresses; each != NULL; each = each->ai_next) {
		int descriptor = -1;

		if (came_before(addresses, each))
			continue;
		set_port(each, *port);
		if (listeners->count == LISTENERS_MAX) {
			errno = E2BIG;
			return -1;
		}
		if (listen_at(each, &descriptor) < 0 && !is_not_here(errno))
			return -1;
		if (descriptor < 0)
			continue;
		listeners->secure[listeners->count] = secure;
		listeners->sockets[listeners->count++] = descriptor;
		if (*port == 0 && read_port(descriptor, port) < 0)
			return -1;
	}
	return listeners->count > before ? 0 : -1;
}

static int open_endpoint(struct endpoint *endpoint, struct listeners *listeners,
			 struct fault *fault)
{
	CLEANUP(free_addresses) struct addrinfo *addresses = NULL;
	size_t before = listeners->count;
	int tries = endpoint->port == 0 ? FREE_PORTS_TRIED : 1;

	if (find_addresses(endpoint, &addresses, fault) < 0)
		return -1;
	for (int i = 0; i < tries; i++) {
		uint16_t port = endpoint->port;

		if (listen_at_all(addresses, endpoint->secure, listeners, &port) == 0) {
			endpoint->port = port;
			return 0;
		}
		/* A port that is free at one address may be taken at the next. */
		if (errno != EADDRINUSE)
			break;
		close_from(listeners, before);
	}
	return refuse_to_listen(endpoint, fault);
}

int open_listeners(const struct endpoint_list *endpoints, struct listeners *ret_listeners,
		   struct endpoint_list *ret_bound, struct fault *fault)
{
	CLEANUP(close_listeners) struct listeners listeners = {0};
	struct endpoint_list bound = *endpoints;

	for (size_t i = 0; i < bound.count; i++)
		if (open_endpoint(&bound.endpoints[i], &listeners, fault) < 0)
			return -1;
	*ret_bound = bound;
	*ret_listeners = listeners;
	listeners.count = 0;
	return 0;
}
