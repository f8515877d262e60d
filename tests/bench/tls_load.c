/*
 * Asks an HTTP/1.1 server on this machine again and again, over TLS or without, in a thread a
 * connection, and prints one line of JSON: how many answers came, in how many seconds. A connection
 * is kept; or, to measure handshakes, each request has its own, with the ticket of the one before
 * or without. An answer other than 200 is an error, and the end.
 *
 * --hello FILE writes what a TLS client says first, and asks nothing.
 */
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/url.h"
#include "tests/bench/parts/answer.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <gnutls/gnutls.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 64, CHUNK = 65536, LINES_MAX = 1 << 30, US_PER_S = 1000000 };

enum handshakes { HANDSHAKES_FEW, HANDSHAKES_FULL, HANDSHAKES_RESUMED };

struct settings {
	struct endpoint endpoint;
	char path[URL_PATH_SIZE];
	const char *roots;
	const char *content_type;
	const char *body;
	const char *lines;
	const char *hello;
	unsigned int connections;
	double seconds;
	enum handshakes handshakes;
};

/* What all threads share. */
struct load {
	const struct settings *settings;
	struct buffer bodies; /* one, or one a line */
	struct bytes *each;
	size_t count;
	atomic_size_t next;
	atomic_size_t answered;
	atomic_bool failed;
	int64_t end_us;
	gnutls_certificate_credentials_t credentials;
};

/* A thread's connection. */
struct peer {
	struct load *load;
	pthread_t thread;
	int socket;
	gnutls_session_t session; /* NULL: none, or without TLS */
	gnutls_datum_t ticket;
	struct answer answer;
};

/* --- the connection --- */

static bool start_tls(struct peer *peer)
{
	const struct settings *settings = peer->load->settings;

	if (gnutls_init(&peer->session, GNUTLS_CLIENT) < 0 ||
	    gnutls_set_default_priority(peer->session) < 0 ||
	    gnutls_credentials_set(peer->session, GNUTLS_CRD_CERTIFICATE, peer->load->credentials) <
		    0)
		return false;
	gnutls_session_set_verify_cert(peer->session, settings->endpoint.host, 0);
	if (settings->handshakes == HANDSHAKES_RESUMED && peer->ticket.data != NULL)
		(void)gnutls_session_set_data(peer->session, peer->ticket.data, peer->ticket.size);
	gnutls_transport_set_int(peer->session, peer->socket);
	return gnutls_handshake(peer->session) >= 0;
}

static bool connect_peer(struct peer *peer)
{
	const struct endpoint *endpoint = &peer->load->settings->endpoint;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(endpoint->port)};
	const int on = 1;

	if (inet_pton(AF_INET, endpoint->host, &address.sin_addr) != 1)
		return false;
	peer->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (peer->socket < 0 ||
	    setsockopt(peer->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
	    connect(peer->socket, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return false;
	return !endpoint->secure || start_tls(peer);
}

static void disconnect_peer(struct peer *peer)
{
	if (peer->session != NULL && peer->load->settings->handshakes == HANDSHAKES_RESUMED) {
		gnutls_free(peer->ticket.data);
		peer->ticket = (gnutls_datum_t){0};
		(void)gnutls_session_get_data2(peer->session, &peer->ticket);
	}
	if (peer->session != NULL)
		gnutls_deinit(peer->session);
	peer->session = NULL;
	close_descriptor(&peer->socket);
}

static bool send_all(struct peer *peer, struct bytes octets)
{
	while (octets.len > 0) {
		ssize_t sent = peer->session != NULL
				       ? gnutls_record_send(peer->session, octets.data, octets.len)
				       : send(peer->socket, octets.data, octets.len, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		octets = (struct bytes){octets.data + sent, octets.len - (size_t)sent};
	}
	return true;
}

static ssize_t receive_some(struct peer *peer, void *data, size_t len)
{
	ssize_t got;

	if (peer->session == NULL)
		return recv(peer->socket, data, len, 0);
	do
		got = gnutls_record_recv(peer->session, data, len);
	while (got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED);
	return got;
}

static bool receive_answer(struct peer *peer)
{
	char piece[CHUNK];
	bool complete = false;

	reset_answer(&peer->answer);
	while (!complete) {
		ssize_t got = receive_some(peer, piece, sizeof(piece));

		if (got > 0)
			append_bytes(&peer->answer.text,
				     (struct bytes){(const uint8_t *)piece, (size_t)got});
		complete = is_answer_complete(&peer->answer, got <= 0);
		if (got <= 0 && !complete)
			return false;
	}
	return peer->answer.status == 200;
}

/* --- the requests --- */

static bool ask_once(struct peer *peer, size_t index)
{
	const struct load *load = peer->load;
	const struct settings *settings = load->settings;
	CLEANUP(clear_buffer) struct buffer request = {0};
	struct bytes body = load->count > 0 ? load->each[index % load->count] : (struct bytes){0};

	append_format(&request, "%s %s HTTP/1.1\r\nHost: %s\r\n", body.len > 0 ? "POST" : "GET",
		      settings->path, settings->endpoint.host);
	if (body.len > 0)
		append_format(&request, "Content-Type: %s\r\nContent-Length: %zu\r\n",
			      settings->content_type, body.len);
	append_string(&request, "\r\n");
	append_bytes(&request, body);
	return !request.failed && send_all(peer, bytes_of_buffer(&request)) && receive_answer(peer);
}

static void *ask(void *argument)
{
	struct peer *peer = argument;
	struct load *load = peer->load;
	bool one_each = load->settings->handshakes != HANDSHAKES_FEW;

	while (!atomic_load(&load->failed) && read_stopwatch_us() < load->end_us) {
		size_t index = atomic_fetch_add(&load->next, 1);

		if (load->settings->lines != NULL && index >= load->count)
			break;
		if ((peer->socket < 0 && !connect_peer(peer)) || !ask_once(peer, index)) {
			atomic_store(&load->failed, true);
			break;
		}
		atomic_fetch_add(&load->answered, 1);
		if (one_each || peer->answer.closes)
			disconnect_peer(peer);
	}
	disconnect_peer(peer);
	gnutls_free(peer->ticket.data);
	clear_buffer(&peer->answer.text);
	return NULL;
}

static int read_bodies(struct load *load, struct fault *fault)
{
	const struct settings *settings = load->settings;
	const char *file = settings->lines != NULL ? settings->lines : settings->body;
	struct bytes rest;

	if (file == NULL)
		return 0;
	if (read_file(AT_FDCWD, file, LINES_MAX, &load->bodies, fault) < 0)
		return -1;
	rest = bytes_of_buffer(&load->bodies);
	load->each = calloc(rest.len + 1, sizeof(*load->each));
	if (load->each == NULL)
		return set_memory_fault(fault);
	if (settings->lines == NULL) {
		load->each[load->count++] = rest;
		return 0;
	}
	for (const uint8_t *end; (end = memchr(rest.data, '\n', rest.len)) != NULL;) {
		size_t len = (size_t)(end - rest.data);

		load->each[load->count++] = (struct bytes){rest.data, len};
		rest = (struct bytes){rest.data + len + 1, rest.len - len - 1};
	}
	return 0;
}

static int put_load(struct load *load, struct fault *fault)
{
	const struct settings *settings = load->settings;
	struct peer peers[CONNECTIONS_MAX] = {0};
	int64_t begun_us;

	if (read_bodies(load, fault) < 0)
		return -1;
	if (settings->endpoint.secure &&
	    (gnutls_certificate_allocate_credentials(&load->credentials) < 0 ||
	     gnutls_certificate_set_x509_trust_file(load->credentials, settings->roots,
						    GNUTLS_X509_FMT_PEM) < 0))
		return set_fault(fault, FAULT_USAGE, "--roots: expected a PEM file of roots");
	begun_us = read_stopwatch_us();
	load->end_us = begun_us + (int64_t)(settings->seconds * US_PER_S);
	for (unsigned int i = 0; i < settings->connections; i++) {
		peers[i] = (struct peer){.load = load, .socket = -1};
		if (pthread_create(&peers[i].thread, NULL, ask, &peers[i]) != 0)
			return set_fault(fault, FAULT_FAILED, "no thread can be started");
	}
	for (unsigned int i = 0; i < settings->connections; i++)
		(void)pthread_join(peers[i].thread, NULL);
	if (atomic_load(&load->failed))
		return set_fault(fault, FAULT_FAILED, "a request got no answer, or not 200");
	(void)printf("{\"requests\":%zu,\"seconds\":%.6f}\n", atomic_load(&load->answered),
		     (double)(read_stopwatch_us() - begun_us) / US_PER_S);
	return 0;
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

static int save_hello(const struct settings *settings, struct fault *fault)
{
	FILE *file = fopen(settings->hello, "wbe");
	gnutls_certificate_credentials_t credentials = NULL;
	gnutls_session_t session = NULL;

	if (file == NULL)
		return set_errno_fault(fault, "%s", settings->hello);
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
	return fclose(file) == 0 ? 0 : set_errno_fault(fault, "%s", settings->hello);
}

static const char usage[] =
	"usage: tls_load [--roots FILE] [--connections N] [--seconds S]\n"
	"                [--content-type TYPE] [--body FILE | --lines FILE]\n"
	"                [--handshakes full|resumed] URL\n"
	"       tls_load --hello FILE\n"
	"Asks URL, whose host is an IPv4 address, from 4 connections for 3 seconds, or as told;\n"
	"POST when there is a body. A body in each line of FILE is sent once. --handshakes: one\n"
	"for each request.\n";

static const struct option options[] = {
	{"roots", required_argument, NULL, 'R'},
	{"connections", required_argument, NULL, 'c'},
	{"seconds", required_argument, NULL, 's'},
	{"content-type", required_argument, NULL, 't'},
	{"body", required_argument, NULL, 'b'},
	{"lines", required_argument, NULL, 'l'},
	{"handshakes", required_argument, NULL, 'k'},
	{"hello", required_argument, NULL, 'o'},
	{0},
};

static bool take_option(struct settings *settings, int option, const char *value)
{
	switch (option) {
	case 'R':
		settings->roots = value;
		return true;
	case 'c':
		settings->connections = (unsigned int)strtoul(value, NULL, 10);
		return settings->connections >= 1 && settings->connections <= CONNECTIONS_MAX;
	case 's':
		settings->seconds = strtod(value, NULL);
		return settings->seconds > 0;
	case 't':
		settings->content_type = value;
		return true;
	case 'b':
		settings->body = value;
		return true;
	case 'l':
		settings->lines = value;
		return true;
	case 'k':
		settings->handshakes =
			strcmp(value, "full") == 0 ? HANDSHAKES_FULL : HANDSHAKES_RESUMED;
		return strcmp(value, "full") == 0 || strcmp(value, "resumed") == 0;
	case 'o':
		settings->hello = value;
		return true;
	default:
		return false;
	}
}

static int parse_arguments(int count, char **arguments, struct settings *settings,
			   struct fault *fault)
{
	int option;

	*settings = (struct settings){
		.content_type = "application/octet-stream", .connections = 4, .seconds = 3};
	while ((option = getopt_long(count, arguments, "", options, NULL)) != -1)
		if (!take_option(settings, option, optarg))
			return set_fault(fault, FAULT_USAGE, "%s", usage);
	if (settings->hello != NULL)
		return 0;
	if (optind + 1 != count)
		return set_fault(fault, FAULT_USAGE, "%s", usage);
	return parse_url(arguments[optind], &settings->endpoint, settings->path, fault);
}

int main(int count, char **arguments)
{
	struct settings settings;
	struct load load = {.settings = &settings};
	struct fault fault = {0};

	if (parse_arguments(count, arguments, &settings, &fault) == 0 &&
	    (settings.hello != NULL ? save_hello(&settings, &fault) : put_load(&load, &fault)) == 0)
		return EXIT_SUCCESS;
	(void)fprintf(stderr, "tls_load: %s\n", fault.text);
	return fault.class == FAULT_USAGE ? 2 : EXIT_FAILURE;
}
