#ifndef CERTPOOL_NET_RESPONSE_H
#define CERTPOOL_NET_RESPONSE_H

#include "common/net/server.h"

#include <microhttpd.h>

/* Answers as libmicrohttpd takes them. NULL: out of memory. */

/* With the body, which is empty afterwards. content_type may be NULL. */
struct MHD_Response *new_body_response(struct buffer *body, const char *content_type);

/*
 * A handler's answer: its body is empty and its shared body let go of afterwards. if_none_match is
 * that field of the request, or NULL: who has what would be sent gets 304, in *status.
 */
struct MHD_Response *new_handler_response(struct http_response *response, const char *if_none_match,
					  unsigned int *status);

#endif
