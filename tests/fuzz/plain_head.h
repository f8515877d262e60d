#ifndef CERTPOOL_TESTS_FUZZ_PLAIN_HEAD_H
#define CERTPOOL_TESTS_FUZZ_PLAIN_HEAD_H

#include "common/base/bytes.h"

/*
 * A second reader of a request's head, from the octets as they are on the wire, which knows nothing
 * of libmicrohttpd. It takes one form only, so that what it takes cannot be read in two ways:
 *
 *     METHOD SP TARGET SP ("HTTP/1.1" / "HTTP/1.0") CR LF *(NAME ":" SP VALUE CR LF) CR LF
 */
struct plain_head {
	struct bytes method;
	struct bytes target;
	struct bytes version;
	struct bytes host;
	struct bytes content_type; /* whole, with parameters; no data: none */
	uint64_t content_length;   /* 0: none */
	bool encoded;              /* has a Transfer-Encoding */
};

/*
 * Takes a head off *rest, and empty lines before it, which may end in a bare LF: libmicrohttpd
 * skips those and does not show them. false: the octets have another form.
 */
bool take_plain_head(struct bytes *rest, struct plain_head *ret_head);

#endif
