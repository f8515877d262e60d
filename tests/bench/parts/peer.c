#include "tests/bench/parts/peer.h"

#include "common/base/file.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

enum { PATIENCE_S = 10 };

int find_peer_address(const struct endpoint *endpoint, struct peer_address *ret_address,
		      struct fault *fault)
{
	if (strcmp(endpoint->host, "127.0.0.1") == 0)
		*ret_address =
			(struct peer_address){.v4 = {.sin_family = AF_INET,
						     .sin_port = htons(endpoint->port),
						     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
					      .len = sizeof(ret_address->v4)};
	else if (strcmp(endpoint->host, "::1") == 0)
		*ret_address = (struct peer_address){.v6 = {.sin6_family = AF_INET6,
							    .sin6_port = htons(endpoint->port),
							    .sin6_addr = in6addr_loopback},
						     .len = sizeof(ret_address->v6)};
	else
		return set_fault(fault, FAULT_USAGE,
				 "expected a URL at 127.0.0.1 or [::1], found the host %s",
				 endpoint->host);
	return 0;
}

int init_peer_tls(struct peer_tls *tls, const char *roots, const char *host, struct fault *fault)
{
	tls->host = host;
	if (roots != NULL && gnutls_certificate_allocate_credentials(&tls->credentials) == 0 &&
	    gnutls_certificate_set_x509_trust_file(tls->credentials, roots, GNUTLS_X509_FMT_PEM) >
		    0)
		return 0;
	return set_fault(fault, FAULT_USAGE, "--roots: expected a PEM file of roots");
}

void clear_peer_tls(struct peer_tls *tls)
{
	if (tls->credentials != NULL)
		gnutls_certificate_free_credentials(tls->credentials);
	tls->credentials = NULL;
}

static ssize_t pull(gnutls_transport_ptr_t context, void *data, size_t len)
{
	const struct peer *peer = context;

	return recv(peer->socket, data, len, MSG_DONTWAIT);
}

static int await_octets(gnutls_transport_ptr_t context, unsigned int ms)
{
	const struct peer *peer = context;
	struct pollfd polled = {.fd = peer->socket, .events = POLLIN};

	return poll(&polled, 1, (int)ms);
}

static ssize_t push(gnutls_transport_ptr_t context, const void *data, size_t len)
{
	const struct peer *peer = context;

	return send(peer->socket, data, len, MSG_NOSIGNAL);
}

static bool start_tls(struct peer *peer)
{
	if (gnutls_init(&peer->session, GNUTLS_CLIENT) < 0 ||
	    gnutls_set_default_priority(peer->session) < 0 ||
	    gnutls_credentials_set(peer->session, GNUTLS_CRD_CERTIFICATE, peer->tls->credentials) <
		    0)
		return false;
	gnutls_session_set_verify_cert(peer->session, peer->tls->host, 0);
	if (peer->tls->resumes && peer->ticket.data != NULL)
		(void)gnutls_session_set_data(peer->session, peer->ticket.data, peer->ticket.size);
	gnutls_transport_set_ptr(peer->session, peer);
	gnutls_transport_set_pull_function(peer->session, pull);
	gnutls_transport_set_pull_timeout_function(peer->session, await_octets);
	gnutls_transport_set_push_function(peer->session, push);
	return shake_peer(peer);
}

bool open_peer(struct peer *peer, const struct peer_address *address)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	const int on = 1;

	peer->socket = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (peer->socket < 0 ||
	    setsockopt(peer->socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
	    setsockopt(peer->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
	    connect(peer->socket, &address->any, address->len) < 0)
		return false;
	return peer->tls->credentials == NULL || start_tls(peer);
}

bool shake_peer(struct peer *peer)
{
	int result;

	do
		result = gnutls_handshake(peer->session);
	while (result == GNUTLS_E_INTERRUPTED);
	peer->shakes = result == GNUTLS_E_AGAIN;
	return result >= 0 || peer->shakes;
}

void close_peer(struct peer *peer)
{
	if (peer->session != NULL && peer->tls->resumes && !peer->shakes) {
		gnutls_free(peer->ticket.data);
		peer->ticket = (gnutls_datum_t){0};
		(void)gnutls_session_get_data2(peer->session, &peer->ticket);
	}
	if (peer->session != NULL)
		gnutls_deinit(peer->session);
	peer->session = NULL;
	peer->shakes = false;
	close_descriptor(&peer->socket);
}

void clear_peer(struct peer *peer)
{
	close_peer(peer);
	gnutls_free(peer->ticket.data);
	peer->ticket = (gnutls_datum_t){0};
}

bool send_peer(struct peer *peer, struct bytes octets)
{
	while (octets.len > 0) {
		ssize_t sent = peer->session != NULL
				       ? gnutls_record_send(peer->session, octets.data, octets.len)
				       : push(peer, octets.data, octets.len);

		if (sent <= 0)
			return false;
		octets = (struct bytes){octets.data + sent, octets.len - (size_t)sent};
	}
	return true;
}

ssize_t receive_peer(struct peer *peer, void *data, size_t size)
{
	ssize_t got;

	if (peer->session == NULL)
		return pull(peer, data, size);
	got = gnutls_record_recv(peer->session, data, size);
	if (got >= 0)
		return got;
	errno = got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED ? EAGAIN : EPROTO;
	return -1;
}

/* --- what a client says first --- */

static ssize_t write_hello(gnutls_transport_ptr_t file, const void *data, size_t len)
{
	return fwrite(data, 1, len, file) == len ? (ssize_t)len : -1;
}

static ssize_t read_nothing(gnutls_transport_ptr_t file, void *data, size_t len)
{
	(void)file;
	(void)data;
	(void)len;
	return 0;
}

int save_hello(const char *path, struct fault *fault)
{
	FILE *file = fopen(path, "wbe");
	gnutls_certificate_credentials_t credentials = NULL;
	gnutls_session_t session = NULL;

	if (file == NULL)
		return set_errno_fault(fault, "%s", path);
	(void)gnutls_certificate_allocate_credentials(&credentials);
	(void)gnutls_init(&session, GNUTLS_CLIENT);
	(void)gnutls_set_default_priority(session);
	(void)gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
	gnutls_transport_set_ptr(session, file);
	gnutls_transport_set_push_function(session, write_hello);
	gnutls_transport_set_pull_function(session, read_nothing);
	(void)gnutls_handshake(session);
	gnutls_deinit(session);
	gnutls_certificate_free_credentials(credentials);
	return fclose(file) == 0 ? 0 : set_errno_fault(fault, "%s", path);
}
