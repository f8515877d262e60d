#ifndef CERTPOOL_BASE_ENDPOINT_H
#define CERTPOOL_BASE_ENDPOINT_H

#include "common/base/fault.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The address at which a node listens: http://HOST:PORT or https://HOST:PORT, HOST an IPv4 address,
 * an IPv6 address in brackets, or a host name. No user, path, query or fragment. Port 0 is allowed:
 * the server then takes a free port and reports it. The host is normalised (lower case; RFC 5952),
 * so that equal endpoints are equal as text.
 */

enum { HOST_SIZE = 254, ENDPOINT_TEXT_SIZE = HOST_SIZE + 16 };

struct endpoint {
	char host[HOST_SIZE]; /* without brackets; "" when there is no endpoint */
	uint16_t port;
	bool secure; /* https: over TLS */
};

/* Several, in the order in which they were given. */
enum { ENDPOINTS_MAX = 8 };

struct endpoint_list {
	size_t count;
	struct endpoint endpoints[ENDPOINTS_MAX];
};

/* Hosts without ports, in the order in which they were given. */
enum { HOSTS_MAX = 16 };

struct host_list {
	size_t count;
	char hosts[HOSTS_MAX][HOST_SIZE]; /* as in an endpoint */
};

/* Reads a host: an IPv4 address, an IPv6 address without brackets, or a host name. Errors:
   FAULT_USAGE. */
int parse_host(const char *text, char ret_host[static HOST_SIZE], struct fault *fault) MUST_CHECK;

/* Whether a host is an address, and not a name. */
bool is_address(const char *host);

/* Errors: FAULT_USAGE, with the expected form. */
int parse_endpoint(const char *text, struct endpoint *ret_endpoint, struct fault *fault) MUST_CHECK;

/* "http://127.0.0.1:8440", "https://ca.example:8443" */
void format_endpoint(const struct endpoint *endpoint, char ret_text[static ENDPOINT_TEXT_SIZE]);

/*
 * Whether the value of a request's Host field names this endpoint: its host and port, or its host
 * alone where the port is the scheme's own, 80 or 443, which browsers leave out. Case is ignored.
 * Source: RFC 9110 sections 4.2 and 7.2.
 */
bool is_host_of(const struct endpoint *endpoint, const char *value);

bool equal_endpoints(const struct endpoint *a, const struct endpoint *b);

/* Whether one of them is https. */
bool has_secure_endpoint(const struct endpoint_list *list);

/* Whether the host is 0.0.0.0 or ::, all addresses of a machine: to listen at, not to connect to.
 */
bool is_wildcard(const struct endpoint *endpoint);

/* Whether the host is an address of this machine alone, 127.0.0.0/8 or ::1. */
bool is_loopback(const struct endpoint *endpoint);

#endif
