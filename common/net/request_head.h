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
	uint64_t content_length; /* 0 when chunked */
	bool chunked;
};

/* The first line, with the target as sent. */
struct request_line {
	const char *method;
	const char *target;
	const char *version;
};

/*
 * Checks the head that libmicrohttpd has read.
 * Errors: FAULT_MALFORMED for an unknown method, an unprintable target, no or a wrong Host, a
 * repeated Host, Content-Length, Transfer-Encoding or Content-Type, Content-Length with
 * Transfer-Encoding, lines that are folded or end in a bare LF, white space other than the one
 * space after a field name's colon.
 */
int check_request_head(struct MHD_Connection *connection, const struct request_line *line,
		       struct request_head *ret_head, struct fault *fault) MUST_CHECK;

#endif
