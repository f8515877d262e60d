#include "tests/support/raw_socket.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000, PIECE = 16384, BACKLOG = 16 };

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t make_address(const char *host, uint16_t port, union address *ret_address)
{
	*ret_address = (union address){0};
	if (strchr(host, ':') != NULL) {
		ret_address->v6.sin6_family = AF_INET6;
		ret_address->v6.sin6_port = htons(port);
		cr_assert_eq(inet_pton(AF_INET6, host, &ret_address->v6.sin6_addr), 1);
		return sizeof(ret_address->v6);
	}
	ret_address->v4.sin_family = AF_INET;
	ret_address->v4.sin_port = htons(port);
	cr_assert_eq(inet_pton(AF_INET, host, &ret_address->v4.sin_addr), 1);
	return sizeof(ret_address->v4);
}

int connect_raw_from(const char *address, const struct endpoint *endpoint)
{
	union address from;
	union address to;
	socklen_t len = make_address(endpoint->host, endpoint->port, &to);
	int descriptor = socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_geq(descriptor, 0);
	if (address != NULL)
		cr_assert_eq(bind(descriptor, &from.any, make_address(address, 0, &from)), 0);
	cr_assert_eq(connect(descriptor, &to.any, len), 0, "%s", strerrordesc_np(errno));
	return descriptor;
}

int connect_raw(const struct endpoint *endpoint)
{
	return connect_raw_from(NULL, endpoint);
}

bool send_raw(int socket, struct bytes octets)
{
	while (octets.len > 0) {
		ssize_t sent = send(socket, octets.data, octets.len, MSG_NOSIGNAL);

		if (sent < 0)
			return false;
		octets.data += sent;
		octets.len -= (size_t)sent;
	}
	return true;
}

bool say_raw(int socket, const char *text)
{
	return send_raw(socket, bytes_of_string(text));
}

/* Receives the next octets. Returns their number, 0 at the end or a reset, -1 at a time-out. */
static ssize_t receive_piece(int socket, struct buffer *buffer)
{
	struct pollfd readable = {.fd = socket, .events = POLLIN};
	uint8_t piece[PIECE];
	ssize_t len;

	if (poll(&readable, 1, PATIENCE_MS) != 1)
		return -1;
	len = recv(socket, piece, sizeof(piece), 0);
	if (len <= 0)
		return 0;
	append_bytes(buffer, (struct bytes){piece, (size_t)len});
	cr_assert(!buffer->failed);
	return len;
}

bool receive_raw(int socket, struct buffer *buffer)
{
	ssize_t len;

	do
		len = receive_piece(socket, buffer);
	while (len > 0);
	return len == 0;
}

/* The length of a message with all its octets, 0 while its head is incomplete. */
static size_t message_len(const struct buffer *buffer)
{
	const char *text = (const char *)buffer->data;
	const char *end = text != NULL ? strstr(text, "\r\n\r\n") : NULL;
	const char *length = text != NULL ? strcasestr(text, "\r\nContent-Length:") : NULL;
	size_t len;

	if (end == NULL)
		return 0;
	len = (size_t)(end - text) + strlen("\r\n\r\n");
	if (length != NULL && length < end)
		len += strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
	return len;
}

static bool receive_message(int socket, struct buffer *buffer)
{
	while (message_len(buffer) == 0 || buffer->len < message_len(buffer))
		if (receive_piece(socket, buffer) <= 0)
			return false;
	return true;
}

bool receive_answer(int socket, struct buffer *buffer)
{
	return receive_message(socket, buffer);
}

unsigned int status_of(const struct buffer *buffer)
{
	static const char start[] = "HTTP/1.1 ";

	if (buffer->len < strlen(start) || memcmp(buffer->data, start, strlen(start)) != 0)
		return 0;
	return (unsigned int)strtoul((const char *)buffer->data + strlen(start), NULL, 10);
}

struct buffer ask_raw(const struct endpoint *endpoint, struct bytes octets)
{
	struct buffer answer = {0};
	int descriptor = connect_raw(endpoint);

	append_string(&answer, "");
	(void)send_raw(descriptor, octets);
	cr_expect(receive_raw(descriptor, &answer), "the connection stays open");
	(void)close(descriptor);
	return answer;
}

struct scripted_server {
	struct script script;
	struct buffer request;
	pthread_t thread;
	pthread_mutex_t lock;
	unsigned int connections;
	int listener;
	int connection; /* -1: none */
	bool stopped;
};

static bool change_connection(struct scripted_server *server, int descriptor)
{
	bool stopped;

	pthread_mutex_lock(&server->lock);
	if (server->connection >= 0)
		(void)close(server->connection);
	server->connection = descriptor;
	stopped = server->stopped;
	pthread_mutex_unlock(&server->lock);
	return !stopped;
}

static void play(struct scripted_server *server, int descriptor)
{
	struct pollfd readable = {.fd = descriptor, .events = POLLIN};

	do {
		clear_buffer(&server->request);
		if (!receive_message(descriptor, &server->request))
			return;
		if (server->script.silent)
			(void)poll(&readable, 1, -1);
		else if (!send_raw(descriptor, server->script.answer))
			return;
	} while (server->script.keep);
}

static void *serve_script(void *argument)
{
	struct scripted_server *server = argument;
	int descriptor;

	for (;;) {
		descriptor = accept(server->listener, NULL, NULL);
		if (descriptor < 0)
			return NULL;
		server->connections++;
		if (change_connection(server, descriptor))
			play(server, descriptor);
		(void)change_connection(server, -1);
	}
}

struct scripted_server *start_scripted_server(const struct script *script,
					      struct endpoint *ret_endpoint)
{
	struct scripted_server *server = calloc(1, sizeof(*server));
	union address address;
	socklen_t len = make_address("127.0.0.1", 0, &address);

	cr_assert_not_null(server);
	server->script = *script;
	server->connection = -1;
	pthread_mutex_init(&server->lock, NULL);
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(server->listener, &address.any, len), 0);
	cr_assert_eq(listen(server->listener, BACKLOG), 0);
	cr_assert_eq(getsockname(server->listener, &address.any, &len), 0);
	*ret_endpoint = (struct endpoint){"127.0.0.1", ntohs(address.v4.sin_port), false};
	cr_assert_eq(pthread_create(&server->thread, NULL, serve_script, server), 0);
	return server;
}

unsigned int stop_scripted_server(struct scripted_server **pointer, struct buffer *ret_request)
{
	struct scripted_server *server = TAKE(*pointer);
	unsigned int connections;

	pthread_mutex_lock(&server->lock);
	server->stopped = true;
	if (server->connection >= 0)
		(void)shutdown(server->connection, SHUT_RDWR);
	(void)shutdown(server->listener, SHUT_RDWR);
	pthread_mutex_unlock(&server->lock);
	(void)pthread_join(server->thread, NULL);
	(void)close(server->listener);
	connections = server->connections;
	*ret_request = take_buffer(&server->request);
	pthread_mutex_destroy(&server->lock);
	free(server);
	return connections;
}
