#ifndef CERTPOOL_TESTS_SUPPORT_RAW_SOCKET_H
#define CERTPOOL_TESTS_SUPPORT_RAW_SOCKET_H

#include "common/base/bytes.h"
#include "common/base/endpoint.h"

/* A TCP client and a server that send exactly the given octets. Their own failures end the test. */

/* A connected socket. Owns: close. */
int connect_raw(const struct endpoint *endpoint);

/* The same from another address of the loopback network, like "127.0.0.2". */
int connect_raw_from(const char *address, const struct endpoint *endpoint);

/* false when the other side takes no more octets. */
bool send_raw(int socket, struct bytes octets);
bool say_raw(int socket, const char *text);

/* Appends all octets until the other side closes; false when it says nothing for a minute. */
bool receive_raw(int socket, struct buffer *buffer);

/* Appends one HTTP answer with Content-Length, so that the connection can be used again. */
bool receive_answer(int socket, struct buffer *buffer);

/* The status of the HTTP answer at the buffer's beginning, 0 when there is none. */
unsigned int status_of(const struct buffer *buffer);

/* Sends the octets on a new connection and returns the whole answer, up to the close. */
struct buffer ask_raw(const struct endpoint *endpoint, struct bytes octets);

/* How a scripted server treats each request. */
struct script {
	struct bytes answer; /* is sent after a whole request */
	bool keep;           /* read the next request then, else close */
	bool silent;         /* do nothing until the server is stopped */
};

struct scripted_server;

struct scripted_server *start_scripted_server(const struct script *script,
					      struct endpoint *ret_endpoint);

/* Stops the server. Returns the number of connections, and the last request in *ret_request. */
unsigned int stop_scripted_server(struct scripted_server **server, struct buffer *ret_request);

#endif
