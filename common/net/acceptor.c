#include "common/net/acceptor.h"

#include "common/base/file.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { PAUSE_MS = 100 };

struct acceptor {
	struct acceptor_settings settings;
	pthread_t thread;
};

union address {
	struct sockaddr any;
	struct sockaddr_storage all;
};

static void hand_over(struct acceptor *acceptor, int *descriptor, const union address *address,
		      socklen_t len)
{
	const struct acceptor_settings *settings = &acceptor->settings;
	unsigned int thread = 0;

	if (!admit_connection(settings->connections, *descriptor, &address->any, &thread)) {
		close_descriptor(descriptor);
		return;
	}
	/* It closes the socket when it fails; the connection is then forgotten in time. */
	(void)MHD_add_connection(settings->daemons[thread], *descriptor, &address->any, len);
	*descriptor = -1;
}

/* Too many descriptors, or no memory, in this process or the system: it may pass. */
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

static void accept_one(struct acceptor *acceptor)
{
	struct pollfd listener = {.fd = acceptor->settings.listener, .events = POLLIN};
	union address address = {0};
	socklen_t len = sizeof(address);
	int descriptor;

	(void)poll(&listener, 1, -1);
	descriptor = accept4(listener.fd, &address.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (descriptor >= 0)
		hand_over(acceptor, &descriptor, &address, len);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
		wait_for_descriptors(acceptor, errno);
}

static void *accept_connections(void *argument)
{
	struct acceptor *acceptor = argument;

	while (await_room(acceptor->settings.connections))
		accept_one(acceptor);
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
	/* It wakes the thread, and whoever connects does not wait in the backlog. */
	(void)shutdown(acceptor->settings.listener, SHUT_RDWR);
	(void)pthread_join(acceptor->thread, NULL);
	close_descriptor(&acceptor->settings.listener);
	free(acceptor);
}
