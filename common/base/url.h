#ifndef CERTPOOL_BASE_URL_H
#define CERTPOOL_BASE_URL_H

#include "common/base/endpoint.h"

/*
 * The URL of a resource: http://HOST[:PORT][/PATH] or https://…, HOST as in endpoint.h, PORT 80 or
 * 443 when missing and never 0, PATH with an optional query, of the characters of RFC 3986. No user
 * and no fragment.
 */
enum { URL_PATH_SIZE = 512 };

/* ret_path begins with '/' and includes the query. Errors: FAULT_USAGE, with the expected form. */
int parse_url(const char *text, struct endpoint *ret_endpoint, char ret_path[static URL_PATH_SIZE],
	      struct fault *fault) MUST_CHECK;

#endif
