#include "common/net/acceptor.h"

#include "common/base/file.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAUSE_MS = 100 };

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_storage all;
};

struct acceptor {
	struct acceptor_settings settings;
	pthread_t thread;
};

static void hand_to_thread(struct acceptor *acceptor, int *descriptor, bool secure,
			   const union address *address, socklen_t len)
{
	const struct acceptor_settings *settings = &acceptor->settings;
	const struct newcomer newcomer = {*descriptor, secure, &address->any};
	unsigned int thread = 0;

	if (!admit_connection(settings->connections, &newcomer, &thread)) {
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

static void accept_one(struct acceptor *acceptor, int listener, bool secure)
{
	union address address = {0};
	socklen_t len = sizeof(address);
	int descriptor = accept4(listener, &address.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (descriptor >= 0)
		hand_to_thread(acceptor, &descriptor, secure, &address, len);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
		wait_for_descriptors(acceptor, errno);
}

/* Waits for connections first, and then makes room for each. false: the server is stopping. */
static bool accept_some(struct acceptor *acceptor)
{
	const struct listeners *listeners = &acceptor->settings.listeners;
	struct pollfd polled[LISTENERS_MAX];

	for (size_t i = 0; i < listeners->count; i++)
		polled[i] = (struct pollfd){.fd = listeners->sockets[i], .events = POLLIN};
	(void)poll(polled, listeners->count, -1);
	for (size_t i = 0; i < listeners->count; i++) {
		if (polled[i].revents == 0)
			continue;
		if (!await_connection_room(acceptor->settings.connections))
			return false;
		accept_one(acceptor, polled[i].fd, listeners->secure[i]);
	}
	return true;
}

static void *accept_connections(void *argument)
{
	while (accept_some(argument))
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
	for (size_t i = 0; i < acceptor->settings.listeners.count; i++)
		(void)shutdown(acceptor->settings.listeners.sockets[i], SHUT_RDWR);
	(void)pthread_join(acceptor->thread, NULL);
	close_listeners(&acceptor->settings.listeners);
	free(acceptor);
}
