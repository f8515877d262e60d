#ifndef CERTPOOL_NET_LISTENER_H
#define CERTPOOL_NET_LISTENER_H

#include "common/base/endpoint.h"

/*
 * Listening TCP sockets: non-blocking, close-on-exec; one of IPv6 takes IPv6 only. A host name
 * stands for all its addresses that this machine has: "localhost" for 127.0.0.1 and ::1.
 */
enum { LISTENERS_MAX = 32 };

struct listeners {
	int sockets[LISTENERS_MAX];
	bool secure[LISTENERS_MAX]; /* of an https endpoint */
	size_t count;
};

/*
 * Opens all sockets of all endpoints, or none. *ret_bound are the endpoints with their actual
 * ports: a port 0 becomes one free port for all addresses of its name.
 * Shape: endpoints has at least one. Owns: close_listeners. Errors: FAULT_BUSY when an address is
 * in use, else FAULT_FAILED.
 */
int open_listeners(const struct endpoint_list *endpoints, struct listeners *ret_listeners,
		   struct endpoint_list *ret_bound, struct fault *fault) MUST_CHECK;

void close_listeners(struct listeners *listeners);

#endif
