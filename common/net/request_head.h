#ifndef CERTPOOL_NET_REQUEST_HEAD_H
#define CERTPOOL_NET_REQUEST_HEAD_H

#include "common/net/http.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The head of a request that two implementations cannot read in two ways (request smuggling): RFC
 * 9112 without the deviations that it allows a server to accept.
 */
struct request_head {
	char content_type[MEDIA_TYPE_SIZE];
	const char *host;        /* its value, in libmicrohttpd's copy of the head */
	uint64_t content_length; /* 0: none, or a transfer encoding */
	bool encoded; /* has a Transfer-Encoding, which the caller refuses with 411: libmicrohttpd
			 (0.9.75) does not show how it delimits such a body */
};

/* The first line as libmicrohttpd holds it: the three texts lie in its copy of the head. */
struct request_line {
	const char *method;
	const char *url;     /* decoded, at the place of the target */
	const char *version; /* the first line's last word */
	const char *target;  /* a copy of the target as sent */
};

/*
 * Checks the head that libmicrohttpd has read.
 * Errors: FAULT_MALFORMED for a version other than 1.0 and 1.1, an unknown method, an unprintable
 * target, a field name that is no token, a control character in a value, no or a wrong Host, a
 * repeated Host, Content-Length, Transfer-Encoding, Content-Type or Authorization, Content-Length
 * with Transfer-Encoding, Transfer-Encoding in HTTP/1.0, lines that are folded or end in a bare LF,
 * white space other than one space between the words of the first line and after each colon.
 * Not seen: libmicrohttpd (0.9.75) skips empty lines, and lines that begin with NUL, before a
 * request; and it has put zeros for the line ends, so that a LF after a NUL, and LF, NUL or a
 * colon in the four octets that end the head, cannot be told from CR LF.
 */
int check_request_head(struct MHD_Connection *connection, const struct request_line *line,
		       struct request_head *ret_head, struct fault *fault) MUST_CHECK;

enum { ALLOW_SIZE = 64 };
struct http_route;

/*
 * The route of a list that ends with a row whose path is NULL; or NULL, and the methods that the
 * path has, as the field Allow lists them: "" when there is no such path.
 */
const struct http_route *find_http_route(const struct http_route *routes, const char *method,
					 const char *path, char ret_allow[static ALLOW_SIZE]);

/* Whether a request may use the route: one over TLS or not, of a server with https endpoints or
   not. */
bool may_use_route(const struct http_route *route, bool secure, bool has_secure);

/* Ends a request's target before its query, and returns that, without the "?": "" if there is none.
 */
const char *cut_query(char *target);

#endif
