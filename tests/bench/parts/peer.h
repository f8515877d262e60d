#ifndef CERTPOOL_TESTS_BENCH_PARTS_PEER_H
#define CERTPOOL_TESTS_BENCH_PARTS_PEER_H

#include "common/base/bytes.h"
#include "common/base/endpoint.h"

#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

/* Of a server on this machine. */
struct peer_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t len;
};

/* Errors: FAULT_USAGE for an endpoint at another host than 127.0.0.1 or [::1]. */
int find_peer_address(const struct endpoint *endpoint, struct peer_address *ret_address,
		      struct fault *fault) MUST_CHECK;

/* What connections over TLS share. */
struct peer_tls {
	gnutls_certificate_credentials_t credentials; /* the roots; NULL: without TLS */
	const char *host;
	bool resumes; /* a connection with the ticket of the one before */
};

/* roots: a PEM file. Errors: FAULT_USAGE. */
int init_peer_tls(struct peer_tls *tls, const char *roots, const char *host,
		  struct fault *fault) MUST_CHECK;
void clear_peer_tls(struct peer_tls *tls);

/* A connection to a server. Octets are sent at once, and received as they come. */
struct peer {
	const struct peer_tls *tls;
	int socket;               /* -1: none */
	gnutls_session_t session; /* NULL: without TLS */
	gnutls_datum_t ticket;
	bool shakes; /* the handshake goes on: shake_peer when octets have come */
};

/* Connects, and begins the handshake over TLS. false: errno, or GnuTLS's reason, which is lost. */
bool open_peer(struct peer *peer, const struct peer_address *address);
void close_peer(struct peer *peer); /* keeps the ticket */
void clear_peer(struct peer *peer);

/* Goes on with a handshake. */
bool shake_peer(struct peer *peer);

bool send_peer(struct peer *peer, struct bytes octets);

/* As recv: -1 with EAGAIN while nothing has come. */
ssize_t receive_peer(struct peer *peer, void *data, size_t size);

/* Writes what a client over TLS says first. */
int save_hello(const char *path, struct fault *fault) MUST_CHECK;

#endif
