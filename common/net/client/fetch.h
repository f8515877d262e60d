#ifndef CERTPOOL_NET_CLIENT_FETCH_H
#define CERTPOOL_NET_CLIENT_FETCH_H

#include "common/base/bytes.h"
#include "common/base/endpoint.h"

#include <stdatomic.h>

struct sockaddr;

/*
 * A page that this process is told to ask for, over plain HTTP/1.1, by somebody who is not to reach
 * through it whatever it can reach itself (RFC 8555 section 10.4): without a redirect, a proxy, a
 * cookie or a password, over a connection of its own.
 */
struct fetch {
	const char *host; /* a name, or an address without brackets */
	uint16_t port;
	const char *path;
	bool own_host;                /* also from this host's own addresses, 127.0.0.0/8 and ::1 */
	size_t max;                   /* octets of the page */
	long timeout_ms;              /* from the look-up of the name to the last octet */
	const atomic_bool *cancelled; /* true: ends it within a second or so */
};

/* Loads what fetch_page needs, for a process that gives up files (sandbox.h) before it asks.
   Errors: FAULT_FAILED, which names the package that is not there. */
int load_fetch(struct fault *fault) MUST_CHECK;

/*
 * Asks for the page, whose status must be 200. Owns: clear_buffer.
 * Errors: FAULT_NOT_FOUND for a name without an address; FAULT_UNREACHABLE when there is no whole
 * answer in time, and for an address that may not be asked; FAULT_TOO_LARGE; FAULT_REFUSED for
 * another status.
 */
int fetch_page(const struct fetch *fetch, struct buffer *ret_page, struct fault *fault) MUST_CHECK;

/*
 * False for addresses behind which there is no other host that a name could be given to: the
 * unspecified one, multicast, broadcast and reserved ones (RFC 6890), and link-local ones, at one
 * of which clouds hand out credentials; and for this host's own, unless own_host. Also as
 * IPv4-mapped, NAT64 (RFC 6052) and 6to4 (RFC 3056) addresses of IPv6. Private addresses are what a
 * private CA is for.
 */
bool may_fetch_from(const struct sockaddr *address, bool own_host);

#endif
