#ifndef CERTPOOL_TESTS_SUPPORT_RAW_SOCKET_H
#define CERTPOOL_TESTS_SUPPORT_RAW_SOCKET_H

#include "common/base/bytes.h"
#include "common/base/endpoint.h"

/* A TCP client that says exactly what it is told, and a server that does. Both fail the test. */

int connect_raw(const struct endpoint *endpoint);

/* The same from another address of the loopback network, like "127.0.0.2". */
int connect_raw_from(const char *address, const struct endpoint *endpoint);

/* false when the other side takes no more. */
bool send_raw(int socket, struct bytes octets);
bool say_raw(int socket, const char *text);

/* Appends what comes until the other side ends; false when it has not after ten seconds. */
bool receive_raw(int socket, struct buffer *buffer);

/* Appends one HTTP answer with Content-Length, so that the connection can be used again. */
bool receive_answer(int socket, struct buffer *buffer);

/* The status of the answer that buffer begins with, 0 when it is none. */
unsigned int status_of(const struct buffer *buffer);

/* Sends text on a connection of its own and returns all that comes until it is closed. */
struct buffer ask_raw(const struct endpoint *endpoint, struct bytes octets);

/* How a scripted server treats each request that it reads. */
struct script {
	struct bytes answer; /* is sent when a request is there */
	bool keep;           /* then reads the next request, else closes */
	bool silent;         /* does nothing until it is stopped */
};

struct scripted_server;

struct scripted_server *start_scripted_server(const struct script *script,
					      struct endpoint *ret_endpoint);

/* After stop_scripted_server: the number of connections and the last request. */
unsigned int stop_scripted_server(struct scripted_server **server, struct buffer *ret_request);

#endif
