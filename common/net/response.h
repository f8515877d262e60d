#ifndef CERTPOOL_NET_RESPONSE_H
#define CERTPOOL_NET_RESPONSE_H

#include "common/net/server.h"

#include <microhttpd.h>

/* Responses for libmicrohttpd. NULL: out of memory. */

/* Takes the body over, which is empty afterwards. content_type may be NULL. */
struct MHD_Response *new_body_response(struct buffer *body, const char *content_type);

/*
 * Takes a handler's body, or its reference to a shared body, over. if_none_match is that field of
 * the request, or NULL: *ret_status is 304 if the client has the same content already.
 */
struct MHD_Response *new_handler_response(struct http_response *response, const char *if_none_match,
					  unsigned int *ret_status);

/* A refusal of the server itself, as a problem, with the settings' refusal_fields for the route,
   which may be NULL: there is none. */
struct MHD_Response *new_refusal_response(const struct http_server_settings *settings,
					  const struct http_route *route, unsigned int status,
					  const char *detail);

/* Whether an answer's body of that length goes to the client (RFC 9110 section 6.4.1). */
bool sends_body(const char *method, unsigned int status, size_t len);

/* Frees what add_response_field added, and the reason. */
void clear_response_fields(struct http_response *response);

#endif
