#ifndef CERTPOOL_NET_PROBLEM_H
#define CERTPOOL_NET_PROBLEM_H

#include "common/base/bytes.h"

/*
 * Problem details for HTTP (RFC 9457), of type about:blank: {"type","title","status","detail"}. The
 * title is the status's reason phrase. The detail may hold any octets: if it is not UTF-8, every
 * octet beyond ASCII is replaced by '?'. Owns: clear_buffer.
 */
int format_problem(unsigned int status, const char *detail, struct buffer *ret_body,
		   struct fault *fault) MUST_CHECK;

/* Appends a whole answer with a problem, from its first line on, that closes the connection.
   Nothing without memory. */
void append_problem_answer(struct buffer *answer, unsigned int status, const char *detail);

/*
 * Sends a whole answer with a problem on a socket where libmicrohttpd is in the middle of a request
 * and takes no response, and shuts the sending side down. Best effort: it does not block, and sends
 * only as much as the socket's buffer takes.
 */
void send_problem(int socket, unsigned int status, const char *detail);

/*
 * The detail of another server's problem, or else its title, without control characters. false when
 * the body is no problem, or has neither.
 */
bool parse_problem(struct bytes body, char ret_detail[static FAULT_TEXT_SIZE]);

/* The text of a fault for the client: of some classes it goes to the log alone (http_handler). */
const char *outward_detail(const struct fault *fault);

#endif
