#ifndef CERTPOOL_NET_LISTENER_H
#define CERTPOOL_NET_LISTENER_H

#include "common/base/endpoint.h"

/*
 * A listening TCP socket, non-blocking, closed on exec; an IPv6 one takes IPv6 alone. *ret_bound is
 * the endpoint with the port that it got.
 * Errors: FAULT_BUSY when the address is taken, FAULT_FAILED for everything else.
 */
int open_listener(const struct endpoint *endpoint, int *ret_socket, struct endpoint *ret_bound,
		  struct fault *fault) MUST_CHECK;

#endif
