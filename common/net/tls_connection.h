#ifndef CERTPOOL_NET_TLS_CONNECTION_H
#define CERTPOOL_NET_TLS_CONNECTION_H

#include "common/net/server.h"
#include "common/net/tls_identity.h"

#include <microhttpd.h>
#include <stdatomic.h>

/*
 * TLS of a server's connections (GnuTLS), of which libmicrohttpd runs the handshakes and the
 * records: what a session needs before its handshake, and what is known of it after.
 *
 * TLS 1.3, and 1.2 where that is allowed; AES-128-GCM first, the server's order; forward secrecy
 * alone. Session tickets in TLS 1.3, good for six hours, under keys that GnuTLS derives from one
 * that ends with the process, and from the time: another every 18 hours; that of the 18 hours
 * before counts beside it. ALPN: "http/1.1" (RFC 7301). A certificate of the client is asked for,
 * and none is as good; it is not verified here. No early data, no renegotiation. Who speaks HTTP
 * without TLS gets a 400 that says so.
 */
struct tls_server {
	struct tls_slot *slot;
	bool allow_tls_1_2;
	gnutls_datum_t ticket_key;
	http_log *log;
	void *log_context;
	atomic_uint_least64_t full;
	atomic_uint_least64_t resumed;
	atomic_uint_least64_t failed;
};

/* Owns: clear_tls_server. */
int init_tls_server(struct tls_server *server, const struct http_server_settings *settings,
		    struct fault *fault) MUST_CHECK;
void clear_tls_server(struct tls_server *server);

/* The priority string for libmicrohttpd (MHD_OPTION_HTTPS_PRIORITIES). */
const char *tls_priorities(const struct tls_server *server);

/* Its choice of a certificate (MHD_OPTION_HTTPS_CERT_CALLBACK2), for sessions of begin_tls. */
gnutls_certificate_retrieve_function3 show_tls_identity;

/* The session of a connection; NULL: it is not over TLS. */
gnutls_session_t tls_session_of(struct MHD_Connection *connection);

/* A connection over TLS, as long as libmicrohttpd has it. */
struct tls_connection;

/*
 * Prepares a session before its handshake. `origin` must stay valid until end_tls. NULL: there is
 * no memory, and the handshake will fail.
 */
struct tls_connection *begin_tls(struct tls_server *server, gnutls_session_t session, int socket,
				 const char *origin);

/* Has the handshake of a session fail of which nobody knows. */
void refuse_tls(gnutls_session_t session);

/* After the session's end. Counts and logs a handshake that did not come to its end. Accepts NULL.
 */
void end_tls(struct tls_connection **tls);

/*
 * Before libmicrohttpd sends an answer that has a body: its head waits for the body, with which it
 * is sent at once. Accepts NULL.
 */
void announce_tls_body(struct tls_connection *tls);

/*
 * The certificate of the client and its chain, whose key it has proved to have: their DER, borrowed
 * from the session. Returns their number, 0 without one.
 */
size_t find_tls_peer(gnutls_session_t session, struct bytes ret_chain[static TLS_PEER_MAX]);

/*
 * As send_problem, for libmicrohttpd's thread of the connection alone, which must not be in the
 * middle of an answer.
 */
void send_tls_problem(gnutls_session_t session, unsigned int status, const char *detail);

#endif
