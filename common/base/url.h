#ifndef CERTPOOL_BASE_URL_H
#define CERTPOOL_BASE_URL_H

#include "common/base/endpoint.h"

/*
 * Where something can be asked or fetched: http://HOST[:PORT][/PATH], HOST as in endpoint.h, PORT
 * 80 when it is not given and never 0, PATH with a query if need be, of the characters that RFC
 * 3986 allows there. No user and no fragment.
 */
enum { URL_PATH_SIZE = 512 };

/* *ret_path begins with '/'. FAULT_USAGE, with what was expected. */
int parse_url(const char *text, struct endpoint *ret_endpoint, char ret_path[static URL_PATH_SIZE],
	      struct fault *fault) MUST_CHECK;

#endif
