#include "common/net/tls_connection.h"

#include "common/net/client_hello.h"
#include "common/net/problem.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	RECORD_HANDSHAKE = 22, /* the type of a first record (RFC 8446 section 5.1) */
	DRAINED_MAX = 16384,
	PIECES_MAX = 8,
};

/* What the client hello is checked against is in client_hello.c. */
#define CIPHERS "-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305"
#define GROUPS "-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1"
/* PSS before PKCS #1: strongSwan takes the first that its RSA key can make, and TLS 1.3 has the
   latter in certificates alone (RFC 8446 section 4.2.3). */
#define SIGNATURES                                                                                 \
	"-SIGN-ALL:+SIGN-ECDSA-SHA256:+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-EDDSA-ED25519:"           \
	"+SIGN-ECDSA-SHA384:+SIGN-ECDSA-SECP384R1-SHA384:+SIGN-ECDSA-SHA512:"                      \
	"+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-PSS-RSAE-SHA384:+SIGN-RSA-PSS-RSAE-SHA512:"           \
	"+SIGN-RSA-SHA256:+SIGN-RSA-SHA384:+SIGN-RSA-SHA512"

static const char priorities_1_3[] =
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:" CIPHERS ":" GROUPS ":" SIGNATURES ":%SERVER_PRECEDENCE";
/* A ticket of TLS 1.2 has the secret of its session: whoever has the key of the tickets could read
   what was recorded before. In TLS 1.3 each session has a key exchange besides. */
static const char priorities_1_2[] =
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-MAC-ALL:"
	"+AEAD:" CIPHERS ":" GROUPS ":" SIGNATURES ":%SERVER_PRECEDENCE:%NO_TICKETS_TLS12";

struct tls_connection {
	struct tls_server *server;
	struct tls_identity *identity; /* that the handshake shows; NULL: not yet */
	const char *origin;
	const char *problem; /* why the handshake failed; NULL: it is not known */
	int socket;
	bool begun; /* an octet has come */
	bool resumed;
	bool finished;      /* the client's last message of the handshake has come */
	bool complete;      /* and was verified */
	bool holds_next;    /* the next record is sent with that after it */
	struct buffer held; /* of it, what is to be sent yet */
};

int init_tls_server(struct tls_server *server, const struct http_server_settings *settings,
		    struct fault *fault)
{
	server->slot = settings->tls;
	server->allow_tls_1_2 = settings->allow_tls_1_2;
	server->log = settings->log;
	server->log_context = settings->log_context;
	if (gnutls_session_ticket_key_generate(&server->ticket_key) < 0)
		return set_fault(fault, FAULT_FAILED, "GnuTLS makes no key for session tickets");
	return 0;
}

void clear_tls_server(struct tls_server *server)
{
	if (server->ticket_key.data != NULL)
		gnutls_memset(server->ticket_key.data, 0, server->ticket_key.size);
	gnutls_free(server->ticket_key.data);
	server->ticket_key = (gnutls_datum_t){0};
}

const char *tls_priorities(const struct tls_server *server)
{
	return server->allow_tls_1_2 ? priorities_1_2 : priorities_1_3;
}

/* --- the socket --- */

/* Reads what has come and will not be looked at: closing the socket would have the client's system
   drop the answer otherwise. */
static void drain(int socket)
{
	char ignored[1024];
	ssize_t got;

	for (size_t read = 0; read < DRAINED_MAX; read += (size_t)got) {
		got = recv(socket, ignored, sizeof(ignored), MSG_DONTWAIT);
		if (got <= 0)
			return;
	}
}

/* GnuTLS reads on after the client's Finished only when that was verified. */
static void count_complete(struct tls_connection *tls)
{
	tls->complete = true;
	atomic_fetch_add(tls->resumed ? &tls->server->resumed : &tls->server->full, 1);
}

static ssize_t receive(gnutls_transport_ptr_t context, void *data, size_t len)
{
	struct tls_connection *tls = context;
	ssize_t got = recv(tls->socket, data, len, 0);

	if (tls->finished && !tls->complete)
		count_complete(tls);
	if (got <= 0 || tls->begun)
		return got;
	tls->begun = true;
	if (*(const uint8_t *)data == RECORD_HANDSHAKE)
		return got;
	tls->problem = "expected TLS, found other octets";
	drain(tls->socket);
	send_problem(tls->socket, MHD_HTTP_BAD_REQUEST,
		     "this port speaks TLS: expected https:// in the URL, found http://");
	return 0;
}

/* False: there is no memory. */
static bool hold_pieces(struct tls_connection *tls, const giovec_t *pieces, int count)
{
	for (int i = 0; i < count; i++)
		append_bytes(&tls->held, (struct bytes){pieces[i].iov_base, pieces[i].iov_len});
	if (!tls->held.failed)
		return true;
	clear_buffer(&tls->held);
	return false;
}

static size_t count_octets(const giovec_t *pieces, int count)
{
	size_t len = 0;

	for (int i = 0; i < count; i++)
		len += pieces[i].iov_len;
	return len;
}

/* Sends what is held, and as much after it as the socket takes. GnuTLS comes again with all of a
   record of which nothing was sent. */
static ssize_t send_after_held(struct tls_connection *tls, const giovec_t *pieces, int count)
{
	giovec_t all[1 + PIECES_MAX] = {{tls->held.data, tls->held.len}};
	struct msghdr message = {.msg_iov = all, .msg_iovlen = 1};
	ssize_t sent;

	for (; message.msg_iovlen < COUNT_OF(all) && message.msg_iovlen <= (size_t)count;
	     message.msg_iovlen++)
		all[message.msg_iovlen] = pieces[message.msg_iovlen - 1];
	sent = sendmsg(tls->socket, &message, MSG_NOSIGNAL);
	if (sent < 0)
		return -1;
	if ((size_t)sent > tls->held.len) {
		sent -= (ssize_t)tls->held.len;
		clear_buffer(&tls->held);
		return sent;
	}
	tls->held.len -= (size_t)sent;
	memmove(tls->held.data, tls->held.data + sent, tls->held.len);
	errno = EAGAIN;
	return -1;
}

static ssize_t send_pieces(gnutls_transport_ptr_t context, const giovec_t *pieces, int count)
{
	struct tls_connection *tls = context;
	const struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)pieces,
				       .msg_iovlen = (size_t)count};
	const bool holds = tls->holds_next && tls->held.len == 0;

	tls->holds_next = false;
	if (holds && hold_pieces(tls, pieces, count))
		return (ssize_t)count_octets(pieces, count);
	return tls->held.len > 0 ? send_after_held(tls, pieces, count)
				 : sendmsg(tls->socket, &message, MSG_NOSIGNAL);
}

static int await_octets(gnutls_transport_ptr_t context, unsigned int ms)
{
	const struct tls_connection *tls = context;
	struct pollfd polled = {.fd = tls->socket, .events = POLLIN};

	return poll(&polled, 1, ms == GNUTLS_INDEFINITE_TIMEOUT ? -1 : (int)ms);
}

static ssize_t receive_nothing(gnutls_transport_ptr_t context, void *data, size_t len)
{
	(void)context;
	(void)data;
	(void)len;
	return 0;
}

void refuse_tls(gnutls_session_t session)
{
	gnutls_transport_set_pull_function(session, receive_nothing);
}

/* --- the handshake --- */

static struct tls_connection *connection_of(gnutls_session_t session)
{
	return gnutls_transport_get_ptr(session);
}

int show_tls_identity(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
		      gnutls_pcert_st **ret_chain, unsigned int *ret_chain_len,
		      gnutls_ocsp_data_st **ret_staples, unsigned int *ret_staple_count,
		      gnutls_privkey_t *ret_key, unsigned int *ret_flags)
{
	struct tls_connection *tls = connection_of(session);

	(void)info;
	if (tls->identity == NULL)
		tls->identity = hold_tls_identity(tls->server->slot);
	if (tls->identity == NULL)
		return -1;
	*ret_chain = tls->identity->chain;
	*ret_chain_len = tls->identity->chain_len;
	*ret_key = tls->identity->key;
	*ret_staples = &tls->identity->staple;
	*ret_staple_count = tls->identity->staple.response.size > 0 ? 1 : 0;
	*ret_flags = 0;
	return 0;
}

static int check_hello(gnutls_session_t session, const gnutls_datum_t *message)
{
	struct tls_connection *tls = connection_of(session);
	gnutls_alert_description_t alert;

	tls->problem = find_hello_problem((struct bytes){message->data, message->size},
					  tls->server->allow_tls_1_2, &alert);
	if (tls->problem == NULL)
		return 0;
	(void)gnutls_alert_send(session, GNUTLS_AL_FATAL, alert);
	return GNUTLS_E_UNSUPPORTED_VERSION_PACKET;
}

/* Called before each message of the handshake is looked at, or sent. */
static int watch_handshake(gnutls_session_t session, unsigned int type, unsigned int when,
			   unsigned int incoming, const gnutls_datum_t *message)
{
	struct tls_connection *tls = connection_of(session);

	(void)when;
	if (incoming == 0)
		return 0;
	if (type == GNUTLS_HANDSHAKE_CLIENT_HELLO && !tls->complete)
		return check_hello(session, message);
	if (type == GNUTLS_HANDSHAKE_FINISHED && !tls->finished) {
		tls->finished = true;
		tls->resumed = gnutls_session_is_resumed(session) != 0;
	}
	return 0;
}

gnutls_session_t tls_session_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);

	return info != NULL ? info->tls_session : NULL;
}

struct tls_connection *begin_tls(struct tls_server *server, gnutls_session_t session, int socket,
				 const char *origin)
{
	static unsigned char name[] = "http/1.1";
	const gnutls_datum_t protocol = {name, sizeof(name) - 1};
	struct tls_connection *tls = calloc(1, sizeof(*tls));

	if (tls == NULL) {
		refuse_tls(session);
		return NULL;
	}
	*tls = (struct tls_connection){.server = server, .origin = origin, .socket = socket};
	gnutls_transport_set_ptr(session, tls);
	gnutls_transport_set_pull_function(session, receive);
	gnutls_transport_set_pull_timeout_function(session, await_octets);
	gnutls_transport_set_vec_push_function(session, send_pieces);
	gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_ANY, GNUTLS_HOOK_PRE,
					   watch_handshake);
	gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
	if (gnutls_session_ticket_enable_server(session, &server->ticket_key) < 0 ||
	    gnutls_alpn_set_protocols(session, &protocol, 1, GNUTLS_ALPN_MANDATORY) < 0)
		refuse_tls(session);
	return tls;
}

void end_tls(struct tls_connection **pointer)
{
	struct tls_connection *tls = TAKE(*pointer);
	char text[FAULT_TEXT_SIZE];

	if (tls == NULL)
		return;
	if (tls->begun && !tls->complete) {
		atomic_fetch_add(&tls->server->failed, 1);
		/* The reason first: the log counts its lines by how they begin. */
		(void)snprintf(text, sizeof(text), "TLS handshake: %s: %s",
			       tls->problem != NULL ? tls->problem
						    : "it ended before it was complete",
			       tls->origin);
		if (tls->server->log != NULL)
			tls->server->log(tls->server->log_context, "", "", 0, text);
	}
	release_tls_identity(tls->server->slot, &tls->identity);
	clear_buffer(&tls->held);
	free(tls);
}

/* --- after it --- */

void announce_tls_body(struct tls_connection *tls)
{
	if (tls != NULL)
		tls->holds_next = true;
}

size_t find_tls_peer(gnutls_session_t session, struct bytes ret_chain[static TLS_PEER_MAX])
{
	unsigned int count = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);

	if (chain == NULL)
		return 0;
	if (count > TLS_PEER_MAX)
		count = TLS_PEER_MAX;
	for (unsigned int i = 0; i < count; i++)
		ret_chain[i] = (struct bytes){chain[i].data, chain[i].size};
	return count;
}

void send_tls_problem(gnutls_session_t session, unsigned int status, const char *detail)
{
	CLEANUP(clear_buffer) struct buffer answer = {0};

	append_problem_answer(&answer, status, detail);
	if (answer.data != NULL && !answer.failed)
		(void)gnutls_record_send(session, answer.data, answer.len);
	(void)gnutls_bye(session, GNUTLS_SHUT_WR);
}
